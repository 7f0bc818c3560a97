"""The door before every page."""

import pytest
from django.test import Client

from yiwang.kernel.access.terms import Duty
from yiwang.kernel.people.testing import PASSWORD, Town

pytestmark = pytest.mark.django_db


def test_未登录打开页面_转到登录并带回原地址():
    answer = Client().get("/account/?a=1")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in/?next=%2Faccount%2F%3Fa%3D1"


def test_登录后回到原页面_再退出():
    account = Town().administrators()[Duty.SYSTEM]
    client = Client()
    answer = client.post("/sign-in/?next=/account/", {"username": account.username, "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/")
    page = client.get("/account/")
    assert page.status_code == 200
    assert account.username in page.content.decode()
    assert client.get("/sign-out/").status_code == 302
    assert client.get("/account/").status_code == 200
    client.post("/sign-out/")
    assert client.get("/account/").status_code == 302


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1"])
def test_登录后只回到本站地址(target):
    account = Town().administrators()[Duty.AUDIT]
    answer = Client().post(f"/sign-in/?next={target}", {"username": account.username, "password": PASSWORD})
    assert answer.headers["Location"] == "/"
