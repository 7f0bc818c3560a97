"""Entity resolution of a library: the engine finds matches, people's decisions and survivorship make golden records."""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from yiwang.data.masters.models import Build, Candidate, Design, GoldenRecord, Library, Member
from yiwang.data.masters.services import designing, grouping
from yiwang.data.masters.terms import GOLDEN, MEMBER, REF, CandidateState, FieldKind
from yiwang.data.masters.terms.clusters import scored
from yiwang.data.masters.terms.masking import masked
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.bulk import copying
from yiwang.kernel.crypto import decrypt, lasting_mac, mac
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.models import LakeTable, Snapshot
from yiwang.kernel.lake.sources import Made
from yiwang.kernel.ledger.services import record

LINK = "yiwang.data.masters.jobs.linking:resolve"
TABLE = "yiwang.data.masters.jobs.golden:table"
MOST_CANDIDATES = 5000
MEMBER_FIELDS = ["snapshot", "seen", "shown", "sealed", "digest", "source_title", "table", "organisation"]


class Resolution:
    """One resolution inside a build; everything PostgreSQL keeps is written in one transaction."""

    def __init__(self, actor: Actor, design: Design, build: Build, job_id: int | None) -> None:
        self.actor, self.design, self.build, self.job_id = actor, design, build, job_id
        self.library: Library = design.library
        self.inputs, self.fields = designing.entity_plan(design.content)
        self.accept = float(design.content.get("accept", designing.ACCEPT))
        self.truth: dict[str, str] = {}

    def run(self) -> Snapshot:
        """Resolve, write, and publish the golden table; the build keeps the counts."""
        plan = designing.link_plan(self.design.content, self.inputs, self.fields)
        clear = sum(each.snapshot.clear for each in self.inputs)
        with places.work_folder(clear) as folder:
            answer: dict[str, Any] = engine.run(
                LINK, {"plan": plan}, memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder,
                job_id=self.job_id,
            )  # fmt: skip
            with transaction.atomic():
                # One resolution of a library at a time.
                Library.objects.select_for_update().get(pk=self.library.pk)
                links, grey = self.links(folder / "pairs.csv")
                self.members(folder / "records.csv", links)
                members = list(Member.objects.filter(library=self.library).order_by("pk"))
                golden = grouping.regroup(grouping.shape_of(self.design), members, full=True)
                self.candidates(grey)
                answer |= self.counts(golden, members)
                self.build.resolution = answer
                return self.publish(folder, golden)

    def ref(self, text: str) -> str:
        """What stands for a source row: its source's alias and key, keyed so that the key can't be read from it."""
        position, _, key = text.partition(":")
        return lasting_mac(f"{self.library.pk}.{self.inputs[int(position)].alias}.{key}".encode(), REF)[:40]

    def links(self, path: Path) -> tuple[dict[str, list[list[Any]]], list[tuple[str, str, float, str]]]:
        accepted: dict[str, list[list[Any]]] = {}
        grey = []
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                a, b = sorted((self.ref(row["a"]), self.ref(row["b"])))
                probability = float(row["probability"])
                if probability >= self.accept:
                    for one, other in ((a, b), (b, a)):
                        accepted.setdefault(one, []).append([other, round(probability, 6), row["rule"]])
                else:
                    grey.append((a, b, probability, row["rule"]))
        return accepted, grey

    def members(self, path: Path, links: dict[str, list[list[Any]]]) -> None:
        """Bring member records up to the sources: new, changed, gone."""
        known = {member.ref: member for member in Member.objects.filter(library=self.library)}
        fresh: list[Member] = []
        changed: list[Member] = []
        relinked: list[Member] = []
        for ref, values in self.records(path):
            member = known.pop(ref, None) or Member(library=self.library, ref=ref, is_demo=self.library.is_demo)
            given = sorted(links.get(ref, ()))
            if member.links != given:
                member.links = given
                relinked.append(member)
            if self.take(member, values):
                (changed if member.pk else fresh).append(member)
        copying.insert(Member, fresh)
        Member.objects.bulk_update(changed, MEMBER_FIELDS, batch_size=grouping.BATCH)
        Member.objects.bulk_update([each for each in relinked if each.pk], ["links"], batch_size=grouping.BATCH)
        Member.objects.filter(pk__in=[each.pk for each in known.values()]).delete()

    def records(self, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                ref = self.ref(row["ref"])
                if row["truth"]:
                    self.truth[ref] = row["truth"]
                yield ref, row

    def take(self, member: Member, row: dict[str, str]) -> bool:
        given = self.inputs[int(row["source"])]
        values = {each["name"]: row[each["name"]] for each in self.fields if row[each["name"]]}
        key = row["ref"].partition(":")[2]
        content = json.dumps([given.alias, key, row["seen"], values], sort_keys=True, ensure_ascii=False)
        digest = mac(hashlib.sha256(content.encode()).digest(), MEMBER)
        if member.digest == digest and member.snapshot == given.snapshot.number and member.table == given.table.name:
            return False
        member.source, member.source_title, member.table = given.alias, given.title, given.table.name
        member.snapshot, member.seen, member.digest = given.snapshot.number, row["seen"], digest
        member.organisation_id = grouping.organisation_of(given.table.organisation, self.library)
        kinds = {each["name"]: each["kind"] for each in self.fields}
        member.shown = {name: masked(kinds[name], value) for name, value in values.items()}
        member.sealed = grouping.seal_member({**values, "": key})
        return True

    def candidates(self, grey: list[tuple[str, str, float, str]]) -> None:
        """The grey zone, the likeliest first; what was decided stays decided, what no longer occurs closes itself."""
        home = dict(Member.objects.filter(library=self.library).values_list("ref", "golden_id"))
        names = dict(GoldenRecord.objects.filter(library=self.library, retired_at=None).values_list("pk", "title"))
        known = {(each.left, each.right): each for each in Candidate.objects.filter(library=self.library)}
        fresh = []
        ranked = sorted({(a, b): (p, rule) for a, b, p, rule in grey}.items(), key=lambda item: -item[1][0])
        for (a, b), (probability, rule) in ranked[:MOST_CANDIDATES]:
            if (a, b) in known:
                known.pop((a, b))
            elif home.get(a) != home.get(b):
                fresh.append(Candidate(
                    library=self.library, left=a, right=b, probability=probability, rule=rule, is_demo=self.library.is_demo,
                    title=f"{names.get(home.get(a) or 0, '')} 与 {names.get(home.get(b) or 0, '')}", organisation=self.library.organisation,
                ))  # fmt: skip
        copying.insert(Candidate, fresh)
        gone = [each.pk for each in known.values() if each.state == CandidateState.OPEN]
        Candidate.objects.filter(pk__in=gone).update(state=CandidateState.GONE)

    def counts(self, golden: list[GoldenRecord], members: list[Member]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "members": len(members), "golden": len(golden), "linked": sum(1 for member in members if member.linked),
            "fields": [each["name"] for each in self.fields],
        }  # fmt: skip
        if self.truth:
            parts: dict[Any, set[str]] = {}
            for member in members:
                parts.setdefault(member.golden_id, set()).add(member.ref)
            found["quality"] = scored(map(frozenset, parts.values()), self.truth)
            by_number: dict[str, set[str]] = {}
            number = next((each["name"] for each in self.fields if each["kind"] == FieldKind.NUMBER), "")
            for member in members:
                value = grouping.plain_of(member).get(number, "") or member.ref
                by_number.setdefault(value, set()).add(member.ref)
            found["exact_only"] = scored(clusters_of(by_number), self.truth)
        return found

    def publish(self, folder: Path, golden: list[GoldenRecord]) -> Snapshot:
        """The golden table of the library, with lineage of every field to every source that may give it."""
        names = [each["name"] for each in self.fields]
        path = folder / "golden.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["uid", *names, "members", "sources"])
            for each in golden:
                values = json.loads(decrypt(each.sealed, GOLDEN))
                writer.writerow([each.uid, *(values.get(name, "") for name in names), each.size, each.sources])
        columns = [
            {"name": "uid", "title": "主记录号", "type": "text"},
            *({"name": each["name"], "title": each["title"], "type": "text"} for each in self.fields),
            {"name": "members", "title": "来源记录数", "type": "integer"},
            {"name": "sources", "title": "来源数", "type": "integer"},
        ]
        table: LakeTable = lake.ensure_table(
            self.actor, self.library.table, self.library.name, columns, ["uid"], organisation=self.library.organisation,
            sealed=any(each.table.sealed for each in self.inputs),
        )  # fmt: skip
        edges = [
            {**edge, "column": name}
            for each in self.inputs
            for name in each.values
            if name != "key"
            for edge in each.edges(name)
        ]
        cause = {"library": self.library.code, "design": self.design.number, "inputs": self.build.inputs}
        source = Made(TABLE, {"path": str(path), "columns": [column["name"] for column in columns]}, (str(path),))
        made = lake.stage(self.actor, table, source, "replace", cause, edges=edges, job_id=self.job_id)
        lake.publish(self.actor, made, f"{self.library.name}第 {self.design.number} 版设计构建")
        record(self.actor, "masters.resolve", ("masters.library", self.library.pk),
               after={"golden": len(golden), "snapshot": made.number})  # fmt: skip
        return made


def clusters_of(by_number: dict[str, set[str]]) -> list[frozenset[str]]:
    return [frozenset(refs) for refs in by_number.values()]
