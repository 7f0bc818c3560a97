"""Every URL of the platform, as nobody, as somebody without a role, and as every declared role.

Nothing here names a page: a new domain's URLs and roles are covered by being declared.
"""

import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.urls import ResolverMatch, URLPattern, get_resolver, path

import yiwang
from yiwang.kernel.access.actors import ANONYMOUS, WORDS, Actor, Refused
from yiwang.kernel.access.doors import resources
from yiwang.kernel.access.models import Grant, Role
from yiwang.kernel.people.checks import every_url_has_a_requirement, patterns
from yiwang.kernel.people.middleware import ALWAYS_OPEN, DefaultDeny
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.testing import Town
from yiwang.kernel.registers.registry import all_registers

pytestmark = pytest.mark.django_db
SAMPLES = {"int": "1", "uuid": "00000000-0000-0000-0000-000000000000"}
METHODS = ("get", "post", "put", "delete")


def concrete(pattern: str) -> str:
    return re.sub(r"<(?:(\w+):)?\w+>", lambda match: SAMPLES.get(match[1] or "str", "x"), pattern)


EVERY = [(concrete(pattern), entry) for pattern, entry in patterns()]
GUARDED = [(url, entry) for url, entry in EVERY if not entry.callback.requirement.public]


@cache
def found(url: str) -> ResolverMatch:
    return get_resolver().resolve(url)


def lets_in(url: str, entry: URLPattern, actor: Actor, account: Account | None) -> bool:
    """Ask the door alone, so that no view runs."""
    request = RequestFactory().get(url)
    request.actor, request.user, request.resolver_match = actor, account, found(url)
    try:
        return DefaultDeny(lambda _: HttpResponse()).process_view(request, entry.callback, (), {}) is None
    except (PermissionDenied, Http404):
        return False


def needs(entry: URLPattern) -> tuple[str, str]:
    return entry.callback.requirement.resource, entry.callback.requirement.verb


def test_每个网址都声明了谁可以访问():
    assert every_url_has_a_requirement(None) == []
    assert len(GUARDED) > 3


def test_代码里问到的权限都有名称可说():
    """A refusal names the permission as officers know it; and one nobody declared nobody could ever be given."""
    call = re.compile(r'\.(?:require|can)\("([\w.]+)", "(\w+)"\)')
    source = Path(yiwang.__file__).parent
    asked = {
        found for file in source.rglob("*.py") if "tests" not in file.parts for found in call.findall(file.read_text())
    }
    assert len(asked) > 50
    asked |= {(each.guard.code, action.permission) for each in all_registers() for action in each.actions}
    assert asked <= WORDS.keys(), asked - WORDS.keys()
    with pytest.raises(Refused) as refusal:
        ANONYMOUS.require("people.appointment", "add")
    assert "“任职”的“新增”" in refusal.value.message and not re.search("[a-z]", refusal.value.message)


def test_公众打不开任何非公开网址():
    client = Client()
    for url, _ in GUARDED:
        for method in METHODS:
            answer = getattr(client, method)(url)
            if url.startswith("/api/"):
                assert answer.status_code == 401, (method, url)
            else:
                assert answer.status_code == 302, (method, url)
                assert answer.headers["Location"].startswith("/sign-in/?next="), (method, url)
            assert not answer.content.strip() or url.startswith("/api/"), (method, url)


def test_公众能打开公开网址():
    for url, entry in EVERY:
        if entry.callback.requirement.public:
            assert lets_in(url, entry, ANONYMOUS, None), url


def signed_in(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def test_没有角色的人只能打开不需权限的网址():
    account = Town().account("无角色")
    actor, client = actor_of(account), signed_in(account)
    for url, entry in GUARDED:
        resource, _ = needs(entry)
        assert lets_in(url, entry, actor, account) == (not resource), url
        if resource:
            assert client.get(url).status_code == 403, url


def test_每个角色恰好打开其授权的网址():
    call_command("declare_roles", verbosity=0)
    town = Town()
    town.organisation("数据局")
    for role in Role.objects.all():
        account = town.account(role.name, town.post("数据局", role.name, role.code, duty=role.duty))
        actor = actor_of(account)
        assert actor.roles == {role.code}
        for url, entry in GUARDED:
            wanted = needs(entry)
            allowed = not wanted[0] or wanted in actor.permissions
            assert lets_in(url, entry, actor, account) == allowed, (role.code, url)


def test_须改密码的人哪里也去不了():
    account = Town().account("新人")
    Account.objects.update(must_change_password=True)
    account.refresh_from_db()
    actor = actor_of(account)
    for url, entry in GUARDED:
        assert lets_in(url, entry, actor, account) == (entry.name in ALWAYS_OPEN), url


def test_未声明的网址_检查报错_谁也打不开(settings):
    module = ModuleType("undeclared_urls")
    module.urlpatterns = [path("naked/", lambda request: HttpResponse("naked view"), name="naked")]
    module.handler404 = "yiwang.kernel.ui.errors.absent"
    sys.modules[module.__name__] = module
    settings.ROOT_URLCONF = module.__name__
    assert [error.id for error in every_url_has_a_requirement(None)] == ["people.E001"]
    for client in (Client(), signed_in(Town().account("某人"))):
        answer = client.get("/naked/")
        assert answer.status_code == 404
        assert "naked view" not in answer.content.decode()
    del sys.modules[module.__name__]


def test_声明的角色只授予存在的资源和动作() -> None:
    call_command("declare_roles", verbosity=0)
    given = set(Grant.objects.values_list("resource", "verb"))
    known = {(code, verb) for code, spec in resources().items() for verb, _ in spec.verbs}
    assert len(given) > 100 and sorted(given - known) == []
