"""The ledger for the audit administrator: who did what to what, in names as far as he may see them."""

from collections import defaultdict
from typing import Any

from django.db.models import Model

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.access.doors import Resource, resources
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.orgs.models import Organisation, Post
from yiwang.kernel.pages.deeds import deed, deeds_like, facts, kind, kinds_like
from yiwang.kernel.pages.grants import in_words
from yiwang.kernel.people.models import Person
from yiwang.kernel.registers.declarations import Column, Filter, Register, Section
from yiwang.kernel.registers.paths import display
from yiwang.kernel.registers.queries import one, title_of
from yiwang.kernel.registers.registry import name_of_kind, readable, register

# Facts that hold a key, of whatever kind the entry's target is.
KEYS: dict[str, type[Model]] = {
    "person": Person, "agent": Person, "principal": Person, "post": Post, "organisation": Organisation,
}  # fmt: skip


def _names(entry: Entry, sides: tuple[dict[str, Any], ...]) -> dict[tuple[type[Model], int], str]:
    """What the keys of an entry are called now; those that are gone are left out."""
    wanted: dict[type[Model], set[int]] = defaultdict(set)
    for name, value in [item for side in (*sides, entry.signatory) for item in side.items()]:
        if name in KEYS and type(value) is int:
            wanted[KEYS[name]].add(value)
    return {
        (model, row.pk): str(row)
        for model, keys in wanted.items()
        for row in model._default_manager.filter(pk__in=keys)
    }


def _plain(name: str, value: Any) -> Any:
    """Codes of permissions as the pages of roles say them."""
    if name == "grants" and isinstance(value, list):
        given = [dict(zip(("resource", "verb", "scope"), each, strict=True)) for each in value]
        return "；".join(in_words(given, {}))
    if name == "role" and isinstance(value, str):
        return Role.objects.filter(code=value).values_list("name", flat=True).first() or value
    if name == "owner" and isinstance(value, list) and value:
        return [name_of_kind(value[0]), *value[1:]]
    if name == "resource" and value in resources():
        return resources()[value].name
    if name == "scope" and value in Scope.values:
        return Scope(value).label
    return value


def _before_after(actor: Actor, entry: Entry) -> tuple[str, str, dict[str, Any]]:
    sides = before, after = tuple(side if isinstance(side, dict) else {} for side in (entry.before, entry.after))
    names = _names(entry, sides)

    def said(name: str, value: Any, path: Any) -> str:
        known = names.get((KEYS[name], value)) if name in KEYS and type(value) is int else None
        return known or display(_plain(name, value), path)

    labels = facts(entry.target_kind, sorted({*before, *after}))
    lines = [
        (label, said(name, before.get(name), path), said(name, after.get(name), path))
        for name, (label, path) in labels.items()
    ]
    who = {name: said(name, entry.signatory.get(name), None) for name in ("address", "post", "organisation")}
    return "变更内容", "pages/panel_change.html", {"lines": lines, "who": who, "target": _target(actor, entry)}


def _target(actor: Actor, entry: Entry) -> tuple[str, str] | None:
    """Name and address of what the entry is about, where the actor may open its register and it is in his scope."""
    about = next((each for each in readable(actor) if each.code == entry.target_kind), None)
    if about is None or not entry.target_id.isdecimal():
        return None
    try:
        record = one(actor, about, int(entry.target_id))
    except Refused:
        return None
    return title_of(about, record), about.url_of(record)


LEDGER = register(
    Register(
        code="ledger.entry", model=Entry, name="审计记录", writes=(), append_only=True,
        resource=Resource("ledger.entry", "审计记录", Entry, organisation=None, owner=None),
        columns=("recorded_at", "person_name", Column(deed, "动作"), Column(kind, "对象类别"), "target_id",
                 "reason"),
        filters=("recorded_at", Filter("action", "动作", "text", apply=deeds_like),
                 Filter("target_kind", "对象类别", "text", apply=kinds_like)), search=("person_name", "reason", "target_id"), sort=("-id",), large=True,
        sections=(Section("记录", ("recorded_at", "person_name", Column(deed, "动作"), Column(kind, "对象类别"),
                            "target_id", "reason", "mac")),),
        panels=(_before_after,),
    )
)  # fmt: skip
