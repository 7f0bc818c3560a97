"""A small city of organisations, actors with one permission set each, and a browser that goes through the URL table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponseBase
from django.test import RequestFactory
from django.urls import resolve
from django_htmx.middleware import HtmxDetails

from yiwang.kernel.access.actors import ANONYMOUS, Actor, Permission, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.models import Account, Person
from yiwang.kernel.registers.declarations import Register
from yiwang.kernel.ui.errors import absent, refused


def organisation(code: str, name: str, parent: Organisation | None = None) -> Organisation:
    made = Organisation.objects.create(code=code, name=name, parent=parent, path="")
    made.path = f"{parent.path if parent else '/'}{made.pk}/"
    made.save()
    return made


@dataclass
class City:
    root: Organisation
    roads: Organisation
    north: Organisation
    parks: Organisation

    @classmethod
    def build(cls) -> "City":
        root = organisation("ROOT", "示例市")
        roads = organisation("ROADS", "交通运输局", root)
        return cls(root, roads, organisation("ROADS-N", "北片养护所", roads), organisation("PARKS", "园林局", root))


def actor(
    register: Register, at: Organisation, verbs: Iterable[str] = (), scope: Scope = Scope.TREE, number: str = ""
) -> Actor:
    """An actor in `at` who holds the verbs (all of the register by default) in the scope."""
    given = tuple(verbs) or tuple(code for code, _ in register.guard.verbs)
    number = number or f"{at.code}-{scope}-{'-'.join(sorted(given))}"[:32]
    person, _ = Person.objects.get_or_create(staff_number=number, defaults={"name": f"{at.name}经办人"})
    account, _ = Account.objects.get_or_create(username=number, defaults={"person": person})
    permission = Permission(scope, at.pk, at.path)
    return Actor(
        person_id=person.pk, account_id=account.pk, name=person.name, organisation_id=at.pk, organisation_path=at.path,
        permissions={(register.guard.code, verb): (permission,) for verb in given},
    )  # fmt: skip


def browse(
    who: Actor, path: str, data: dict[str, Any] | None = None, *, method: str = "GET", htmx: str = "", **extra: Any
) -> HttpResponseBase:
    """A request through the URL table with the requirement checked, refusals answered like in the platform."""
    factory = RequestFactory()
    send = factory.get if method == "GET" else factory.post
    headers = {"HX-Request": "true", "HX-Target": htmx} if htmx else {}
    request = send(path, data or {}, headers=headers, **extra)
    request.actor, request.htmx, request.csp_nonce = who, HtmxDetails(request), ""
    matched = resolve(request.path)
    requirement = matched.func.requirement
    try:
        if not requirement.public and who is ANONYMOUS:
            raise Refused("请先登录。")
        if requirement.resource:
            who.require(requirement.resource, requirement.verb)
        return matched.func(request, *matched.args, **matched.kwargs)
    except Refused as problem:
        return refused(request, problem)
    except Http404 as problem:
        return absent(request, problem)
