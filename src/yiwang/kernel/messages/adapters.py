"""How a message leaves the platform. `settings.MESSAGE_CHANNELS` names the adapter of each channel."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

Config = Mapping[str, str]
RETRY_LATER = (408, 425, 429)


@dataclass(frozen=True)
class Outgoing:
    """`dedup` is the same on every attempt, so that the other side can drop a repetition."""

    dedup: str
    channel: str
    address: str
    title: str
    body: str


class Undeliverable(Exception):  # noqa: N818 - a sentence for the administrator
    """Trying again can't help; the message says why."""


class Adapter(Protocol):
    def send(self, outgoing: Outgoing) -> None: ...


class DemoAdapter:
    """Writes a file into VAR/outbox instead of sending; a repetition writes the same file."""

    def __init__(self, config: Config) -> None:
        self.directory = Path(settings.VAR) / "outbox"

    def send(self, outgoing: Outgoing) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]", "_", outgoing.dedup)[:100]
        digest = hashlib.new("sm3", outgoing.dedup.encode()).hexdigest()[:8]
        at = timezone.localtime().strftime("%Y-%m-%d %H:%M:%S")
        heading = f"演示：未真正发出\n渠道：{outgoing.channel}\n接收方：{outgoing.address}\n时间：{at}\n"
        text = f"{heading}标题：{outgoing.title}\n\n{outgoing.body}\n"
        temporary = self.directory / f".{name}-{digest}.new"
        temporary.write_text(text)
        temporary.replace(self.directory / f"{name}-{digest}.txt")


class MailAdapter:
    """Django's mail settings (EMAIL_HOST …); the Message-ID carries the deduplication id."""

    def __init__(self, config: Config) -> None:
        self.sender = config.get("from") or settings.DEFAULT_FROM_EMAIL

    def send(self, outgoing: Outgoing) -> None:
        digest = hashlib.new("sm3", outgoing.dedup.encode()).hexdigest()[:32]
        headers = {"Message-ID": f"<{digest}@{self.sender.rpartition('@')[2].rstrip('>')}>"}
        EmailMessage(outgoing.title, outgoing.body, self.sender, [outgoing.address], headers=headers).send()


class WebhookAdapter:
    """Posts JSON to a gateway (SMS provider or the city's own), signed if a secret is configured.

    The signature is HMAC over "<timestamp>.<body>", SM3 unless `algorithm` says otherwise.
    """

    def __init__(self, config: Config) -> None:
        self.url, self.secret = config.get("url", ""), config.get("secret", "")
        self.algorithm = config.get("algorithm", "sm3")
        self.timeout = float(config.get("timeout", "10"))
        if not self.url.startswith(("https://", "http://")):
            raise Undeliverable("消息网关地址未配置或不是 http(s) 地址；请在设置中填写后重发。")

    def send(self, outgoing: Outgoing) -> None:
        body = json.dumps(
            {"id": outgoing.dedup, "to": outgoing.address, "title": outgoing.title, "text": outgoing.body},
            ensure_ascii=False,
        ).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Message-Id": outgoing.dedup}
        if self.secret:
            at = str(int(time.time()))
            signature = hmac.digest(self.secret.encode(), at.encode() + b"." + body, self.algorithm).hex()
            headers |= {"X-Timestamp": at, "X-Signature": f"{self.algorithm}={signature}"}
        request = Request(self.url, body, headers, method="POST")  # noqa: S310 - scheme checked above
        try:
            with urlopen(request, timeout=self.timeout) as response:  # noqa: S310
                response.read(1)
        except HTTPError as error:
            with error:
                if 400 <= error.code < 500 and error.code not in RETRY_LATER:
                    raise Undeliverable(f"消息网关拒收（HTTP {error.code}）") from error
                raise


ADAPTERS: dict[str, Callable[[Config], Adapter]] = {
    "demo": DemoAdapter, "mail": MailAdapter, "webhook": WebhookAdapter,
}  # fmt: skip


def adapter(channel: str) -> Adapter:
    config = settings.MESSAGE_CHANNELS.get(channel)
    if config is None or config["adapter"] not in ADAPTERS:
        raise Undeliverable(f"渠道“{channel}”未配置")
    return ADAPTERS[config["adapter"]](config)
