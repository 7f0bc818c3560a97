"""A department asks for data, the owner agrees, the key opens the gateway, and the owner sees who read what."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DATABASE, ROOT, Site, _free_port
from tests.journeys.walking import Walker
from yiwang.data.sharing.gateway.client import Client
from yiwang.site import localdb

RESOURCE, PERSON = "公租房保障对象信息", "999999199001010001"


@pytest.fixture
def gateway(site: Site) -> Iterator[int]:
    """The sharing gateway on the site's database; its port."""
    base = os.environ.get("DATABASE_URL") or localdb.ensure()
    url, port = urlunsplit(urlsplit(base)._replace(path=f"/{DATABASE}")), _free_port()
    server = subprocess.Popen(
        [str(Path(sys.executable).parent / "granian"), "--interface", "asgi", "--factory", "--host", "127.0.0.1", "--port",
         str(port), "--workers", "1", "--log-level", "error", "yiwang.data.sharing.gateway.server:create"],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": url, "YIWANG_ENV": "demo"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.05)
    yield port
    server.terminate()
    server.wait(timeout=20)


def test_申请_同意_密钥_调用_提供方看得见(walker: Callable[..., Walker], gateway: int) -> None:
    matter = f"临时救助资格审核{uuid4().hex[:6]}"
    asker = walker("urban.handler").go(f"/sharing/apply/?q={RESOURCE}")
    asker.page.get_by_role("link", name=re.compile(rf"^申请\s*{RESOURCE}$")).click()
    asker.look()
    page = asker.page
    for field in ("公民身份号码", "保障状态"):
        page.get_by_role("group", name=re.compile("^需要的字段")).get_by_label(re.compile(field)).check()
    page.get_by_label(re.compile("^使用目的")).fill("核验申请人是否已享受公租房保障，只用于本次审核")
    page.get_by_label(re.compile("^业务事项")).fill(matter)
    page.get_by_label(re.compile("^履职依据")).fill("《社会救助暂行办法》第四十八条")
    page.get_by_label(re.compile("^使用期限至")).fill((date.today() + timedelta(days=90)).isoformat())  # noqa: DTZ011
    page.get_by_role("button", name="提交申请").click()
    page.wait_for_url("**/cases/*/")
    asker.sees("答复时限")
    case = page.url

    owner = walker("housing.handler").waiting(matter)
    owner.sees("核验申请人是否已享受公租房保障")
    owner.act("同意共享", {"共享条件": "核验后不得留存"})
    walker("sharing").waiting(matter).act("同意授权")
    walker("gateway").waiting(matter).act("交付")
    asker.go(case)
    asker.sees("已交付")

    asker.go("/sharing/mine/")
    page.locator("tr").filter(has_text=RESOURCE).filter(has_text="只用于本次审核").first.get_by_role(
        "link"
    ).first.click()
    page.wait_for_url(re.compile(r"/sharing/grants/\d+/$"))
    asker.look()
    code = f"g{page.url.rstrip('/').rpartition('/')[2]}"
    page.get_by_role("button", name="签发密钥").click()
    page.locator("#confirm-yes").click()
    secret = page.locator("#key-secret")
    expect(secret).to_be_visible()
    client = Client(page.locator("#key-public").inner_text(), secret.inner_text(), port=gateway)
    page.reload()

    answer = client.rows(code, id_number=PERSON)
    assert answer.status == 200, answer
    assert set(answer.content["rows"][0]) == {"id_number", "status"}
    assert client.rows(code, id_number=PERSON, fields="phone").content["error"] == "field"

    reader = walker("housing.handler").go("/sharing/readers/")
    row = reader.page.locator("tr").filter(has_text="区执法局").filter(has_text="只用于本次审核").first
    expect(row.locator("td").nth(4)).to_have_text("1")
    expect(row.locator("td").nth(5)).to_have_text("1")
    reader.go("/r/sharing.read/")
    reader.sees("区执法局")
    asker.go("/sharing/mine/")
    walker("urban.handler", 390, 800).go("/sharing/mine/")
