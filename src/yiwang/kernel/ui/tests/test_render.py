"""Pages, fragments and refusals through the real middleware stack."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from yiwang.kernel.access.actors import ANONYMOUS, Actor, Conflict, Invalid, Refused
from yiwang.kernel.ui import render
from yiwang.kernel.ui.routes import PUBLIC, route
from yiwang.kernel.ui.templatetags import ui_tags

OFFICER = Actor(person_id=1, account_id=1, name="张敏", post_ids=(1,), primary_post_id=1)


WRONG = Invalid("有 1 处需要修改。", errors={"phone": ["电话应为 11 位。"]})


def _raise(problem: Exception) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        raise problem

    return view


def _ok(request: HttpRequest) -> HttpResponse:
    return render.page(request, "ui/error.html", {"base": "ui/public.html", "message": "<b>x</b>"}, title="页面")


urlpatterns = [
    route("public/ok/", _ok, "ok", PUBLIC),
    route("public/refused/", _raise(Refused("该件已办结，不能再办理。", rule="《条例》第二十条")), "refused", PUBLIC),
    route("public/invalid/", _raise(WRONG), "invalid", PUBLIC),
    route("public/conflict/", _raise(Conflict("王强已于 10:21 办理此件。")), "conflict", PUBLIC),
    route("public/absent/", _raise(Refused("没有找到该记录。", code="absent")), "absent", PUBLIC),
    route("public/missing/", _raise(Http404()), "missing", PUBLIC),
    route("public/broken/", _raise(ZeroDivisionError("secret detail")), "broken", PUBLIC),
    route("public/nul/", _raise(DataError("cannot contain NUL (0x00) bytes")), "nul", PUBLIC),
    route("public/busy/", _raise(OperationalError("canceling statement due to lock timeout")), "busy", PUBLIC),
]  # fmt: skip
handler403 = "yiwang.kernel.ui.errors.forbidden"
handler404 = "yiwang.kernel.ui.errors.absent"
handler500 = "yiwang.kernel.ui.errors.failed"
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture
def browser() -> Iterator[Client]:
    client = Client(raise_request_exception=False)
    yield client


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("refused", 403, ("该件已办结，不能再办理。", "《条例》第二十条")),
        ("invalid", 422, ("有 1 处需要修改。", "电话应为 11 位。")),
        ("conflict", 409, ("王强已于 10:21 办理此件。", "请刷新页面")),
        ("absent", 404, ("没有找到该记录。",)),
        ("missing", 404, ("没有找到这个页面",)),
        ("broken", 500, ("系统出现故障", "没有保存")),
        ("busy", 503, ("系统繁忙",)),
        ("nul", 422, ("空字符", "没有做任何改动")),
    ],
)
def test_每种失败都是一句中文而不是堆栈(browser: Client, path: str, status: int, words: tuple[str, ...]) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        response = browser.get(f"/public/{path}/", headers=headers)
        text = response.content.decode()
        assert response.status_code == status
        assert all(word in text for word in words)
        assert (
            "Traceback" not in text
            and "secret detail" not in text
            and "lock timeout" not in text
            and "0x00" not in text
        )
        assert ("<html" in text) == (not headers)
        if headers:
            assert response["HX-Retarget"] == "#toasts" and response["HX-Reswap"] == "beforeend"


def test_页面转义输入并带演示标记和非涉密提示(browser: Client) -> None:
    text = browser.get("/public/ok/").content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "演示" in text and "非涉密网络" in text and "密码法" in text
    with override_settings(DEMO_CITY=False):
        assert "演示" not in browser.get("/public/ok/").content.decode()


def test_只有本页的脚本能运行(browser: Client) -> None:
    first, second = browser.get("/public/ok/"), browser.get("/public/ok/")
    nonces = [re.search(r"script-src 'self' 'nonce-([^']+)'", r["Content-Security-Policy"]) for r in (first, second)]
    assert nonces[0] and nonces[1] and nonces[0].group(1) != nonces[1].group(1)
    assert "unsafe-inline" not in first["Content-Security-Policy"]
    text = first.content.decode()
    assert (
        not re.findall(r"<script(?![^>]*\bsrc=)", text) and not re.search(r"\son\w+=", text) and " style=" not in text
    )


def test_外壳只给登录的人加菜单() -> None:
    request = RequestFactory().get("/")
    calls: list[str] = []

    def menu(inner: HttpRequest) -> dict[str, Any]:
        calls.append(inner.path)
        return {"menu": (render.MenuGroup("工作", (render.MenuEntry("待办", "/inbox/todo/", "inbox", 12, True),)),)}

    render.contribute(menu)
    try:
        request.actor = ANONYMOUS
        render.page(request, "ui/shell.html", title="公众")
        assert calls == []
        request.actor = replace(OFFICER)
        text = render.page(request, "ui/shell.html", title="首页").content.decode()
        assert calls == ["/"] and "/inbox/todo/" in text and ">12<" in text and "张敏" in text
    finally:
        render._contributors.remove(menu)


def test_主题来自本人的选择且不接受别的值() -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = "dark"
    assert 'data-theme="dark"' in render.page(request, "ui/public.html", title="x").content.decode()
    request.COOKIES["theme"] = '"><script>'
    assert "data-theme" not in render.page(request, "ui/public.html", title="x").content.decode().split("<head>")[0]


def test_样式和脚本在约定大小之内且每个图标都在图集里() -> None:
    def read(name: str) -> str:
        found = finders.find(name)
        assert isinstance(found, str)
        with open(found, encoding="utf-8") as source:
            return source.read()

    assert len(read("ui/app.css").encode()) <= 40 * 1024
    assert len(read("ui/app.js").splitlines()) <= 500
    sprite = read("ui/icons.svg")
    for name in ("menu", "search", "bell", "inbox", "dot", "warn"):
        assert f'id="{name}"' in sprite
    assert "#dot" in ui_tags.icon("")


def test_期限写成当日二十四时而不是次日零时() -> None:
    def shown(text: str) -> str:
        return ui_tags.due(datetime.fromisoformat(text), "green")

    year = timezone.localdate().year
    assert "11-24 24:00" in shown(f"{year}-11-25T00:00:00+08:00") and "正常" in shown(f"{year}-11-25T00:00:00+08:00")
    assert "11-25 17:30" in shown(f"{year}-11-25T09:30:00+00:00")
    assert f"{year - 1}-12-31 24:00" in shown(f"{year}-01-01T00:00:00+08:00")
    assert ui_tags.due(None) == ""


def test_时长和大小写成人话() -> None:
    assert [ui_tags.span(n) for n in (0, 25, 90, 1440 * 3 + 240, -30)] == [
        "0分钟",
        "25分钟",
        "1小时30分钟",
        "3天4小时",
        "-30分钟",
    ]
    assert [ui_tags.size(n) for n in (None, 900, 123456, 5 * 1024**3)] == ["0 B", "900 B", "120.6 KB", "5.0 GB"]
