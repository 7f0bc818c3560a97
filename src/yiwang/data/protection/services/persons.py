"""个人信息请求：查阅、复制、更正、删除、撤回同意（个人信息保护法第十五、四十四至四十七条）。"""

import re
import secrets
from dataclasses import dataclass

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.protection import queries
from yiwang.data.protection.models import Deletion, Holding, Notice, PersonRequest, Removal, SearchedPlace
from yiwang.data.protection.services import notices, tombstones
from yiwang.data.protection.terms import CLERK, CONTACT, LAW, NUMBER, WORDS, RequestKind
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Permission, Refused
from yiwang.kernel.access.models import RoleHolding
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.crypto import decrypt, encrypt, mac
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.lake import erasing, functions, lineage
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake import services as lakes
from yiwang.kernel.lake.erasing import Subject
from yiwang.kernel.lake.models import LakeTable, Proof
from yiwang.kernel.ledger import services as ledger
from yiwang.standards.sensitive import SensitiveKind

REMOVAL = queries.REMOVAL
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
# The public form acts through this desk: it may hand in and nothing else.
DESK = Actor(person_id=None, account_id=None, name="个人信息请求",
             permissions={("protection.request", "add"): (Permission(Scope.OWN, 0, ""),)})  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Whom the request is about, for who may see it; never in a log."""

    name: str
    id_number: str
    contact: str
    statement: str


def _bureau() -> int:
    held = RoleHolding.objects.filter(role__code=CLERK).order_by("pk")
    unit = held.values_list("post__organisation", flat=True).first()
    if unit is None:
        raise Refused("还没有设置个人信息请求的办理岗位，暂不能受理。", code="unready")
    return unit


def number_of(text: str) -> str:
    """The identity number as it is searched: half-width, capital X. Raises Invalid when its check digit is wrong."""
    given = text.strip().upper().translate(str.maketrans("０１２３４５６７８９Ｘ", "0123456789X"))
    known = functions.named("cn_id_ok")
    if known is None or not re.fullmatch(r"\d{17}[\dX]", given) or known(given) is not True:
        raise Invalid(
            "公民身份号码有误，没有提交。", errors={"id_number": ["须为 18 位且校验位正确"]}, rule="GB 11643-1999"
        )
    return given


def number_again(found: PersonRequest) -> str:
    """The digest of the identity number under the platform's current key."""
    return mac(decrypt(found.id_number, NUMBER).encode(), NUMBER)


@transaction.atomic
def submit(
    actor: Actor, *, kind: str, name: str, id_number: str, contact: str, statement: str, key: str = ""
) -> PersonRequest:
    """Take a request in; what tells who it is, is sealed. A repeated `key` gives the same receipt."""
    actor.require("protection.request", "add")
    number = number_of(id_number)
    errors = {
        field: ["必填"]
        for field, text in (("name", name), ("contact", contact), ("statement", statement))
        if not text.strip()
    }
    if kind not in RequestKind.values:
        errors["kind"] = ["请选一项"]
    if errors:
        raise Invalid("没有提交，请按提示改正。", errors=errors)
    unit = _bureau()
    # The case's title is seen by many: it names the right, not the person.
    case = flow.open_case(actor, "protection.request", f"个人信息{RequestKind(kind).label}请求", organisation_id=unit,
                          data={"kind": kind}, key=key)  # fmt: skip
    known = PersonRequest.objects.filter(case=case).first()
    if known is not None:
        return known
    clock = clocks.current(case.pk, "answer")
    made = PersonRequest.objects.create(
        case=case, organisation_id=unit, created_by_id=actor.person_id, kind=kind, name=encrypt(name.strip(), WORDS),
        id_number=encrypt(number, NUMBER), id_mac=mac(number.encode(), NUMBER), contact=encrypt(contact.strip(), CONTACT),
        statement=encrypt(statement.strip(), WORDS), due_at=clock.due_at if clock else None,
        tracking_code="".join(secrets.choice(ALPHABET) for _ in range(12)), basis=clock.basis if clock else "",
    )  # fmt: skip
    ledger.record(
        actor,
        "protection.person_request",
        ("protection.request", made.pk),
        after={"kind": kind, "case": case.number, "limit": made.basis},
    )
    return made


def person(actor: Actor, request_id: int) -> Person:
    """Who it is about; seeing it is recorded."""
    found: PersonRequest = doors.row(actor, "protection.request", request_id, "handle")
    ledger.record(actor, "protection.reveal_person", ("protection.request", found.pk))
    return Person(decrypt(found.name, WORDS), decrypt(found.id_number, NUMBER), decrypt(found.contact, CONTACT),
                  decrypt(found.statement, WORDS))  # fmt: skip


def person_to_delete(actor: Actor, notice_id: int) -> Person:
    """Whom a department that was told has to delete: name and number only; seeing it is recorded."""
    notice: Notice = doors.row(actor, "protection.notice", notice_id, "handle")
    ledger.record(actor, "protection.reveal_person", ("protection.notice", notice.pk))
    found = notice.request
    return Person(decrypt(found.name, WORDS), decrypt(found.id_number, NUMBER), "", "")


def find(actor: Actor, request_id: int) -> list[Holding]:
    """Look for the person in every retained snapshot of every table that holds identity numbers or was made of one
    (base and subject libraries, by column lineage), and in packages and files; keep which keys were found, sealed, and
    which places were searched.

    Searches by value in the engine: call it from a job. Only after the identity was verified.
    """
    found: PersonRequest = PersonRequest.objects.get(pk=request_id)
    doors.row(actor, "protection.request", request_id, "handle")
    if not found.verified:
        raise Refused("还没有核验请求人身份，不能查找。", rule="GB/T 35273-2020 8.7：先核验身份")
    texts = erasing.written(decrypt(found.id_number, NUMBER))
    made = []
    for each in _tables():
        keys = lake.keys_naming(each.table, each.columns, texts)
        if keys:
            made.append(_held(found, each, keys))
    places = _search(found, subject_of(found))
    ledger.record(
        actor,
        "protection.find_person",
        ("protection.request", found.pk),
        after={"tables": len(made), "rows": sum(each.rows for each in made), "places": places},
    )
    return made


def subject_of(found: PersonRequest) -> Subject:
    return Subject(erasing.written(decrypt(found.id_number, NUMBER)), queries.reach(found))


def _search(found: PersonRequest, subject: Subject) -> dict[str, int]:
    """Search the places beside the tables and note each; {place: contents the person is in}."""
    noted = {}
    for place in erasing.places():
        report = erasing.search(place, subject)
        SearchedPlace.objects.update_or_create(
            request=found, place=place, reference="",
            defaults={"searched": report.searched, "rows": sum(each.rows for each in report.traces)},
        )  # fmt: skip
        for each in report.traces:
            SearchedPlace.objects.update_or_create(
                request=found, place=place, reference=each.reference[:200], defaults={"searched": 1, "rows": each.rows}
            )
        noted[place] = len(report.traces)
    return noted


@dataclass(frozen=True)
class _Kept:
    """A keyed table with columns of identity numbers, and the resource they are of or come from."""

    table: LakeTable
    columns: list[str]
    facts: catalog.ResourceFacts
    title: str


def _tables() -> list[_Kept]:
    """The resources' own tables first, so that what is made of them can't be made anew with the person."""
    found: dict[str, _Kept] = {}
    every = catalog.resources(SYSTEM)
    own = {facts.table: facts for facts in every}
    for facts in every:
        named = {item.name for item in facts.items if item.sensitive == SensitiveKind.ID_NUMBER}
        table = LakeTable.objects.filter(name=facts.table).first() if named else None
        if table is not None:
            found[table.name] = _Kept(table, [name for name in _names(table) if name in named], facts, facts.name)
    for each in list(found.values()):
        for step in (step for name in each.columns for step in lineage.downstream(each.table, name).steps):
            table = LakeTable.objects.get(name=step.target)
            # A library that is in the catalogue itself is shared and opened as that resource.
            source = own.get(step.target, each.facts)
            known = found.setdefault(step.target, _Kept(table, [], source, f"{table.title}（由{each.facts.name}加工）"))
            if step.column in _names(table) and step.column not in known.columns:
                known.columns.append(step.column)
    return [each for each in found.values() if each.columns and each.table.key]


def _names(table: LakeTable) -> list[str]:
    return [str(column["name"]) for column in table.columns]


def _held(found: PersonRequest, kept: _Kept, keys: list[list[str]]) -> Holding:
    current = lake.current(kept.table)
    made, _ = Holding.objects.update_or_create(
        request=found, table=kept.table.name,
        defaults={"resource_id": kept.facts.id, "resource_name": kept.title[:120], "provider_id": kept.facts.organisation_id,
                  "snapshot": current.number if current is not None else 0, "rows": len(keys),
                  "keys": encrypt(queries.dumped(keys), NUMBER)},
    )  # fmt: skip
    return made


def erase(actor: Actor, request_id: int) -> list[Deletion]:
    """Delete the found rows from every retained snapshot of every table; the proofs are kept with the request. Copies
    that left the platform are taken back where that can be done, and each department that has some is told.

    One table a transaction: killed in between, a repetition goes on with the tables that are left. Call it from a job.
    """
    doors.row(actor, "protection.request", request_id, "handle")
    found = PersonRequest.objects.get(pk=request_id)
    if found.kind not in (RequestKind.DELETE, RequestKind.WITHDRAW):
        raise Refused("只有删除和撤回同意的请求可以删除数据。", rule=LAW)
    if not found.verified or found.answered_at is not None:
        raise Conflict("须在核验身份之后、答复之前删除。", rule=LAW)
    tombstones.keep(found)
    done = set(found.deletions.values_list("table", flat=True))
    made = []
    for each in found.holdings.exclude(table__in=done).order_by("pk"):
        table = LakeTable.objects.get(name=each.table)
        keys = queries.loaded(decrypt(each.keys, NUMBER))
        # Not the person's name nor number: a proof is shown to many.
        proof = lakes.rewrite_without(actor, table, keys, _reason(found))
        made.append(_proven(actor, found, each, proof))
    _erase_places(actor, found)
    subject = subject_of(found)
    notices.tell(actor, found, erasing.handed_out(subject))
    erasing.recall(subject)
    tombstones.done(actor, found.case.number)
    return made


def erase_again(actor: Actor, stone: tombstones.Stone) -> int:
    """Carry a deletion out in a database that was brought back from before it; how many rows of tables went.

    Repeated after a kill it goes on; what was deleted already is not found again. Call it where the engine may run.
    """
    actor.require("protection.request", "handle")
    texts, rows, clean = erasing.written(stone.number), 0, dict[int, int | None]()
    reason = f"个人信息保护法第四十七条，恢复较早备份后重做个人信息请求 {stone.case} 的删除"
    for each in _tables():
        keys = lake.keys_naming(each.table, each.columns, texts)
        if keys:
            proof, own = lakes.rewrite_without(actor, each.table, keys, reason), each.facts.table == each.table.name
            rows += len(keys)
            clean[each.facts.id] = proof.snapshot.number if own and proof.snapshot else clean.get(each.facts.id)
    subject = Subject(texts, clean)
    for place in erasing.places():
        erasing.erase(actor, place, subject, reason)
    erasing.recall(subject)
    tombstones.done(actor, stone.case)
    return rows


def _reason(found: PersonRequest) -> str:
    return f"个人信息保护法第四十七条，个人信息请求 {found.case.number}"


def _erase_places(actor: Actor, found: PersonRequest) -> None:
    """Packages and files after the tables, each noted as it is done; then searched again, so that nothing is left."""
    subject = subject_of(found)
    for place in erasing.places():
        for each in erasing.erase(actor, place, subject, _reason(found)).traces:
            made = Removal(
                request=found, place=place, reference=each.reference[:200], rows=each.rows, action=each.action[:200],
                before=each.before, after=each.after,
            )  # fmt: skip
            made.mac = mac(made.sealed, REMOVAL)
            made.save()
    _search(found, subject)


@transaction.atomic
def _proven(actor: Actor, found: PersonRequest, each: Holding, proof: Proof) -> Deletion:
    made = Deletion.objects.create(request=found, table=each.table, resource_name=each.resource_name, proof_id=proof.pk,
                                   snapshots=len(proof.snapshots), rows=each.rows)  # fmt: skip
    Holding.objects.filter(pk=each.pk).update(keys="")
    ledger.record(
        actor,
        "protection.erase_person",
        ("protection.request", found.pk),
        after={"table": each.table, "proof": proof.pk},
    )
    return made


def on_request(event: Event) -> None:
    """In the transaction of the engine's entry."""
    if event.name not in ("act:verify", "close"):
        return
    found = PersonRequest.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk).first()
    if found is None:
        return
    if event.name == "act:verify":
        found.verified, found.verified_how = True, event.case.data.get("verified_how", "")
    else:
        if (
            event.case.outcome == "done"
            and found.kind in (RequestKind.DELETE, RequestKind.WITHDRAW)
            and (not found.places.exists() or found.holdings.count() > found.deletions.count() or queries.left(found))
        ):
            raise Refused(
                "还没有查找，或查到的数据还没有删除完，不能答复已办。请先查找、删除，或作不予删除的答复并写明依据。",
                rule=LAW,
            )
        found.answer, found.answered_at = event.case.data.get("answer", ""), event.entry.happened_at
        found.outcome = event.case.outcome
    found.version += 1
    found.save()
