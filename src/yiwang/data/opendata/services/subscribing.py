"""邮件订阅：先确认后生效，每封都能退订；地址加密保存，退订即删。"""

import secrets

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from yiwang.data.opendata.models import Dataset, Subscription
from yiwang.data.opendata.terms import ADDRESS, TOKEN, SubscriptionState
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.crypto import decrypt, encrypt, mac, macs
from yiwang.kernel.messages import services as messages

PAGE = "/public/open/subscriptions/"


@transaction.atomic
def subscribe(actor: Actor, dataset: Dataset, address: str, site: str) -> None:
    """Send a mail with a link that confirms. The answer is the same whether the address is known or not.

    `site`: scheme and host for links, kept in the mail only.
    """
    given = address.strip().lower()
    try:
        validate_email(given)
    except ValidationError as error:
        raise Invalid("邮箱地址有误，没有订阅。", errors={"address": ["请填写邮箱，如 name@example.cn"]}) from error
    key = mac(given.encode(), ADDRESS)
    live = Subscription.objects.exclude(state=SubscriptionState.ENDED).filter(
        dataset=dataset, address_mac__in=macs(given.encode(), ADDRESS)
    )
    if live.exists():
        return
    token = secrets.token_urlsafe(24)
    made = Subscription.objects.create(
        dataset=dataset, address=encrypt(given, ADDRESS), address_mac=key, token_mac=mac(token.encode(), TOKEN),
        token=encrypt(f"{site} {token}", TOKEN),
    )  # fmt: skip
    body = f"有人用这个邮箱订阅开放数据“{dataset.title}”的更新。\n确认订阅：{site}{PAGE}{token}/\n不是您本人的，不用理会，也不会再收到。"
    messages.send("mail", given, f"确认订阅：{dataset.title}", body, dedup=f"opendata.confirm:{made.pk}")


def address_again(kept: Subscription) -> str:
    """The digest of the address under the platform's current key; "" when the address is gone."""
    return mac(decrypt(kept.address, ADDRESS).encode(), ADDRESS) if kept.address else ""


def token_again(kept: Subscription) -> str:
    """The digest of the token under the platform's current key; "" when the token is gone."""
    return mac(decrypt(kept.token, TOKEN).partition(" ")[2].encode(), TOKEN) if kept.token else ""


def found(token: str) -> Subscription:
    seen = Subscription.objects.filter(token_mac__in=macs(token.encode(), TOKEN)).select_related("dataset").first()
    if seen is None:
        raise Refused("链接无效或已退订。", code="absent")
    return seen


@transaction.atomic
def confirm(actor: Actor, token: str) -> Subscription:
    """Idempotent; whoever holds the link has the mailbox."""
    seen = Subscription.objects.select_for_update().get(pk=found(token).pk)
    if seen.state == SubscriptionState.PENDING:
        seen.state, seen.confirmed_at = SubscriptionState.ACTIVE, timezone.now()
        seen.save(update_fields=["state", "confirmed_at"])
    return seen


@transaction.atomic
def unsubscribe(actor: Actor, token: str) -> Subscription:
    """The address goes at once; the row stays as a number."""
    seen = Subscription.objects.select_for_update().get(pk=found(token).pk)
    if seen.state != SubscriptionState.ENDED:
        seen.state, seen.ended_at, seen.address, seen.token = SubscriptionState.ENDED, timezone.now(), "", ""
        seen.save(update_fields=["state", "ended_at", "address", "token"])
    return seen


def announce(actor: Actor, dataset: Dataset, news: str, key: str) -> int:
    """A mail to each confirmed subscriber, once per `key`, in the caller's transaction. Says no field and no value."""
    live = list(Subscription.objects.filter(dataset=dataset, state=SubscriptionState.ACTIVE))
    for each in live:
        site, _, token = decrypt(each.token, TOKEN).partition(" ")
        body = f"{dataset.title}：{news}\n查看：{site}/public/open/{dataset.name}/\n退订：{site}{PAGE}{token}/"
        messages.send("mail", decrypt(each.address, ADDRESS), f"开放数据更新：{dataset.title}", body,
                      dedup=f"opendata:{key}:{each.pk}")  # fmt: skip
    return len(live)
