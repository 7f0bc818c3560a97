"""From member records to golden records: the one way for a rebuild and for a person's decision."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.utils import timezone

from yiwang.data.masters.models import Build, Conflict, Decision, Design, GoldenRecord, Library, Member
from yiwang.data.masters.terms import GOLDEN, MEMBER, SEARCH, FieldKind
from yiwang.data.masters.terms.clusters import Verdict, clusters, identity
from yiwang.data.masters.terms.masking import masked
from yiwang.data.masters.terms.survival import Chosen, Row, survive
from yiwang.kernel.bulk import copying
from yiwang.kernel.crypto import decrypt, encrypt, mac
from yiwang.kernel.orgs.models import Organisation

BATCH = 1000


@dataclass(frozen=True)
class Shape:
    """What a design says about golden records."""

    library: Library
    fields: tuple[dict[str, str], ...]
    priorities: Mapping[str, Mapping[str, int]]
    positions: Mapping[str, int]

    @property
    def names(self) -> list[str]:
        return [each["name"] for each in self.fields]

    def named(self, *kinds: str) -> str:
        return next((each["name"] for each in self.fields if each["kind"] in kinds), "")


def shape_of(design: Design) -> Shape:
    sources = design.content["sources"]
    return Shape(
        design.library, tuple(design.content["fields"]),
        {each["alias"]: {k: int(v) for k, v in each.get("priority", {}).items()} for each in sources},
        {each["alias"]: position for position, each in enumerate(sources)},
    )  # fmt: skip


def search_mac(library_id: int, kind: str, text: str) -> str:
    """Lets a name or number be found without being readable."""
    plain = "".join(text.split()).upper()
    return mac(f"{library_id}.{kind}.{plain}".encode(), SEARCH) if plain else ""


def name_again(golden: GoldenRecord) -> str:
    """The name's digest under the platform's current key; "" when the value is gone."""
    return _again(golden, "name", FieldKind.NAME, FieldKind.TITLE)


def number_again(golden: GoldenRecord) -> str:
    """The number's digest under the platform's current key; "" when the value is gone."""
    return _again(golden, "number", FieldKind.NUMBER)


def _again(golden: GoldenRecord, kind: str, *kinds: str) -> str:
    shape = _built(golden.library_id, golden.library.built_at) if golden.sealed else None
    if shape is None:
        return ""
    values: dict[str, str] = json.loads(decrypt(golden.sealed, GOLDEN))
    return search_mac(golden.library_id, kind, values.get(shape.named(*kinds), ""))


@lru_cache(maxsize=32)
def _built(library_id: int, built_at: datetime | None) -> Shape | None:
    """The shape a library was last built with; `built_at` tells one build from the next."""
    last = Build.objects.filter(library=library_id, snapshot__isnull=False).order_by("-pk").first()
    return shape_of(last.design) if last is not None else None


def verdicts(library: Library, refs: Iterable[str] | None = None) -> list[Verdict]:
    """Decisions in force, oldest first; those that name one of `refs` when given."""
    found = Decision.objects.filter(library=library, undone_by__isnull=True).exclude(kind="undo").order_by("pk")
    if refs is not None:
        wanted = list(refs)
        found = found.filter(left__overlap=wanted) | found.filter(right__overlap=wanted)
    return [Verdict(each.kind == "merge", tuple(each.left), tuple(each.right), each.keeps) for each in found]


def plain_of(member: Member) -> dict[str, str]:
    found: dict[str, str] = json.loads(decrypt(member.sealed, MEMBER))
    return found


def seal_member(values: Mapping[str, str]) -> str:
    return encrypt(json.dumps(values, ensure_ascii=False), MEMBER)


def regroup(shape: Shape, members: Sequence[Member], *, full: bool) -> list[GoldenRecord]:
    """Partition the members, choose each field, write what changed. `full`: they are all there are in the library.

    A golden record takes the identity that a merge in force chose, else that of its oldest member record: undoing a
    decision gives back exactly the records that were there before.
    """
    by_ref = {member.ref: member for member in members}
    edges = [
        (member.ref, str(other), float(probability)) for member in members for other, probability, *_ in member.links
    ]
    said = verdicts(shape.library, None if full else by_ref)
    parts, merges = clusters(by_ref, edges, said), [each for each in said if each.keeps]
    known = {
        each.uid: each
        for each in GoldenRecord.objects.filter(library=shape.library)
        if full or each.uid in {member.uid for member in members}
    }
    touched, kept, fresh = [], [], []
    owners = _owners(members)
    for part in parts:
        rows = sorted((by_ref[ref] for ref in part), key=lambda member: member.pk)
        uid = identity([row.uid for row in rows], merges)
        golden = known.get(uid)
        if golden is None:
            golden = GoldenRecord(library=shape.library, uid=uid, organisation=shape.library.organisation,
                                  is_demo=shape.library.is_demo)  # fmt: skip
            fresh.append(golden)
        changed = _fill(shape, golden, rows)
        kept.append((golden, rows))
        if changed and golden.pk:
            touched.append(golden)
    copying.insert(GoldenRecord, fresh)
    GoldenRecord.objects.bulk_update(touched, FIELDS, batch_size=BATCH)
    _assign(kept)
    alive = {golden.pk for golden, _ in kept}
    _retire([each for each in known.values() if each.pk not in alive and each.retired_at is None], kept)
    _conflicts(kept, {each.pk for each in (*fresh, *touched)}, shape, owners)
    return [golden for golden, _ in kept]


FIELDS = ["title", "name_mac", "number_mac", "shown", "sealed", "digest", "size", "sources", "retired_at", "merged_into",
          "updated_at"]  # fmt: skip
ENDED = "（来源中已没有）"


def _row(shape: Shape, member: Member, values: Mapping[str, str]) -> Row:
    return Row(member.ref, member.source, shape.positions.get(member.source, 99), member.seen, values)


def _fill(shape: Shape, golden: GoldenRecord, members: Sequence[Member]) -> bool:
    """Set the fields from the members; whether anything changed. Values are read only when a member changed."""
    digest = mac("\n".join(f"{each.ref} {each.digest}" for each in members).encode(), GOLDEN)
    if golden.digest == digest and golden.retired_at is None:
        return False
    plain = {member.ref: plain_of(member) for member in members}
    chosen = survive([_row(shape, member, plain[member.ref]) for member in members], shape.names, shape.priorities)
    by_ref = {member.ref: member for member in members}
    kinds = {each["name"]: each["kind"] for each in shape.fields}
    golden.shown = {name: _shown(choice, by_ref[choice.ref], kinds[name]) for name, choice in chosen.items()}
    golden.sealed = encrypt(json.dumps({name: each.value for name, each in chosen.items()}, ensure_ascii=False), GOLDEN)
    name, number = shape.named(FieldKind.NAME, FieldKind.TITLE), shape.named(FieldKind.NUMBER)
    title = chosen[name].value if name in chosen else ""
    golden.title = masked(kinds[name], title)[:200] if title else ""
    golden.name_mac = search_mac(shape.library.pk, "name", title)
    golden.number_mac = search_mac(shape.library.pk, "number", chosen[number].value) if number in chosen else ""
    golden.size, golden.sources = len(members), len({member.source for member in members})
    golden.digest, golden.retired_at, golden.merged_into, golden.updated_at = digest, None, None, timezone.now()
    return True


def _shown(choice: Chosen, member: Member, kind: str) -> dict[str, Any]:
    """Provenance of one field: masked value, which source row and snapshot gave it, and by which rule."""
    return {"value": masked(kind, choice.value), "source": member.source_title, "table": member.table, "ref": choice.ref,
            "snapshot": member.snapshot, "rule": choice.rule, "seen": choice.seen, "against": list(choice.against)}  # fmt: skip


def _assign(kept: Sequence[tuple[GoldenRecord, Sequence[Member]]]) -> None:
    changed = []
    for golden, rows in kept:
        for member in rows:
            linked = len(rows) > 1
            if member.golden_id != golden.pk or member.linked != linked:
                member.golden, member.linked = golden, linked
                changed.append(member)
    Member.objects.bulk_update(changed, ["golden", "linked"], batch_size=BATCH)


def _retire(gone: Sequence[GoldenRecord], kept: Sequence[tuple[GoldenRecord, Sequence[Member]]]) -> None:
    """Records whose members are with another now say with whom; those without members just end.

    Neither keeps plain values: an undone merge makes them anew from the members, and of somebody who is in no source
    any more (个人信息保护法第四十七条) nothing may stay behind here.
    """
    home = {member.uid: golden for golden, rows in kept for member in rows}
    for golden in gone:
        golden.retired_at, golden.merged_into, golden.updated_at = timezone.now(), home.get(golden.uid), timezone.now()
        golden.digest = golden.sealed = golden.name_mac = golden.number_mac = ""
        if golden.merged_into is None:
            golden.title, golden.shown = ENDED, {}
    GoldenRecord.objects.bulk_update(gone, [*FIELDS], batch_size=BATCH)
    Conflict.objects.filter(golden__in=gone).update(state="gone")


def _owners(members: Sequence[Member]) -> dict[str, int]:
    return {member.table: member.organisation_id for member in members}


def _conflicts(
    kept: Sequence[tuple[GoldenRecord, Sequence[Member]]], changed: set[int], shape: Shape, owners: Mapping[str, int]
) -> None:
    """Open what disagrees now, close what agrees again. One that was objected to stays so while it disagrees."""
    titles = {each["name"]: (each["title"] if "title" in each else each["name"], each["kind"]) for each in shape.fields}
    fresh, ended, again = [], [], []
    before: dict[int, dict[tuple[str, int], Conflict]] = {}
    for each in Conflict.objects.filter(golden__in=changed):
        before.setdefault(each.golden_id, {})[(each.field, each.member_id)] = each
    for golden, rows in kept:
        if golden.pk not in changed:
            continue
        by_ref, old = {row.ref: row for row in rows}, before.get(golden.pk, {})
        for name, choice in golden.shown.items():
            for ref in choice["against"]:
                member = by_ref[ref]
                known = old.pop((name, member.pk), None)
                if known is None:
                    title, kind = titles[name]
                    fresh.append(Conflict(
                        golden=golden, field=name, title=title, source_title=member.source_title, member=member,
                        chosen=choice["value"][:400], said=masked(kind, plain_of(member)[name])[:400],
                        organisation_id=owners[member.table], is_demo=golden.is_demo,
                    ))  # fmt: skip
                elif known.state == "gone":
                    known.state = "open"
                    again.append(known)
        ended += [each for each in old.values() if each.state != "gone"]
    for each in ended:
        each.state = "gone"
    copying.insert(Conflict, fresh)
    Conflict.objects.bulk_update([*ended, *again], ["state"], batch_size=BATCH)


def organisation_of(table_organisation: Organisation | None, library: Library) -> int:
    return table_organisation.pk if table_organisation is not None else library.organisation_id
