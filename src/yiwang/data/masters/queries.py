"""读：主记录、检索、待裁定证据、血缘图、影响面。都在操作人的范围内。"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from yiwang.data.masters.models import (
    BusinessObject,
    Candidate,
    Carrier,
    Decision,
    Design,
    GoldenRecord,
    Library,
    Member,
)
from yiwang.data.masters.terms import Entity, FieldKind, Survival
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.lake import dependants
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.dependants import Dependant, Place
from yiwang.kernel.lake.models import LakeTable

MOST_FOUND, MOST_NODES = 50, 60
WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 190, 44, 260, 60, 16


def titles(library: Library) -> dict[str, str]:
    """Field → what officers call it, by the design in force."""
    design = Design.objects.filter(library=library, published_at__isnull=False).order_by("-number").first()
    return {each["name"]: each.get("title") or each["name"] for each in design.content["fields"]} if design else {}


def found(actor: Actor, name_macs: Sequence[str], number_macs: Sequence[str], words: str) -> QuerySet[GoldenRecord]:
    """Golden records by exact number or name (keyed digests), or by the beginning of an enterprise's name."""
    wanted = Q(name_mac__in=[each for each in name_macs if each]) | Q(
        number_mac__in=[each for each in number_macs if each]
    )
    if len(words) >= 2:
        wanted |= Q(library__entity="enterprise", title__icontains=words)
    return (
        doors.rows(actor, "masters.golden")
        .filter(wanted, retired_at=None)
        .select_related("library")
        .order_by("title", "pk")
    )[:MOST_FOUND]


def entity_libraries(actor: Actor) -> list[Library]:
    return list(doors.rows(actor, "masters.library").exclude(entity="none"))


@dataclass(frozen=True)
class FieldLine:
    """One field of a golden record with where it came from."""

    name: str
    title: str
    value: str
    source: str
    snapshot: int
    rule: str
    seen: str
    lineage: str
    against: int
    members: tuple[tuple[int, str], ...]


def field_lines(golden: GoldenRecord, members: Sequence[Member], plain: Any = None) -> list[FieldLine]:
    """Fields in the order of the design; `plain` (values, members' values) when they may be shown."""
    rules, lines = dict(Survival.choices), []
    for name, title in titles(golden.library).items():
        each = golden.shown.get(name)
        said = tuple(
            (member.pk, (plain.members[member.pk] if plain else member.shown).get(name, "")) for member in members
        )
        if each is None:
            lines.append(FieldLine(name, title, "", "", 0, "各来源均无", "", "", 0, said))
            continue
        value = plain.values.get(name, "") if plain else each["value"]
        lines.append(FieldLine(
            name, title, value, each["source"], each["snapshot"], str(rules.get(each["rule"], each["rule"])), each["seen"],
            lineage_url(golden.library.table, name), len(each["against"]), said,
        ))  # fmt: skip
    return lines


def decisions(golden: GoldenRecord) -> list[Decision]:
    """What people decided about its records, newest first; `undone` is set on each."""
    refs = list(golden.members.values_list("ref", flat=True))
    found = (
        Decision.objects.filter(Q(left__overlap=refs) | Q(right__overlap=refs), library=golden.library)
        .select_related("created_by").annotate(undone=Count("undone_by"))
    )  # fmt: skip
    return list(found.order_by("-pk")[:20])


@dataclass(frozen=True)
class Evidence:
    title: str
    left: str
    right: str
    verdict: str


def evidence(candidate: Candidate) -> tuple[list[Member], list[Evidence]]:
    """The two records side by side, masked; equal masks of unequal values are told apart by `verdict`."""
    by_ref = {
        each.ref: each
        for each in Member.objects.filter(library=candidate.library, ref__in=[candidate.left, candidate.right])
    }
    pair = [by_ref[ref] for ref in (candidate.left, candidate.right) if ref in by_ref]
    if len(pair) < 2:
        return pair, []
    lines = []
    for name, title in titles(candidate.library).items():
        left, right = (each.shown.get(name, "") for each in pair)
        lines.append(
            Evidence(title, left, right, "无从比较" if not left or not right else "一致" if left == right else "不同")
        )
    return pair, lines


def lineage_url(table: str, column: str) -> str:
    return f"{reverse('masters_lineage')}?{urlencode({'table': table, 'column': column})}"


@dataclass
class Node:
    """A column on the drawing; `level` below 0 is upstream."""

    table: str
    column: str
    title: str
    level: int
    url: str = ""
    x: int = 0
    y: int = 0

    @property
    def middle(self) -> int:
        return self.y + HEIGHT // 2

    @property
    def right(self) -> int:
        return self.x + WIDTH


@dataclass(frozen=True)
class Line:
    path: str
    transform: str
    source: str
    target: str


@dataclass
class Graph:
    """A drawing of bounded size, and the same as a table. `hidden`: places outside the actor's scope."""

    nodes: list[Node] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    hidden: int = 0
    cut: bool = False
    width: int = 0
    height: int = 0


def lineage(actor: Actor, table_name: str, column: str) -> tuple[LakeTable, Graph]:
    """Upstream and downstream of a column, within what the actor may see of the lake."""
    table = doors.rows(actor, "lake.table").filter(name=table_name).first()
    if table is None or column not in {each["name"] for each in table.columns}:
        raise Refused(
            "没有这张表或这个字段，或它不在您的数据范围内。请从主记录或库的页面进入。", rule="数据范围", code="absent"
        )
    up, down = lake.upstream(table, column), lake.downstream(table, column)
    names = {name for step in (*up.steps, *down.steps) for name in (step.source, step.target) if name}
    seen = {each.name: each for each in doors.rows(actor, "lake.table").filter(name__in=names | {table_name})}
    graph = Graph(cut=not (up.complete and down.complete))
    nodes = {(table.name, column): _node(seen, table.name, column, 0)}
    for sign, steps in ((-1, up.steps), (1, down.steps)):
        for step in steps:
            _place(graph, nodes, seen, step, sign)
    _lay_out(graph, nodes)
    _connect(graph, nodes, (*up.steps, *down.steps))
    graph.places = {(table.name, column), *((step.target, step.column) for step in down.steps if step.target in seen)}
    return table, graph


def _place(graph: Graph, nodes: dict[Place, Node], seen: dict[str, LakeTable], step: Any, sign: int) -> None:
    name, column = (step.source or step.origin, step.source_column) if sign < 0 else (step.target, step.column)
    known = name in seen or (sign < 0 and not step.source)
    if not known:
        graph.hidden += 1
    elif (name, column) in nodes:
        return
    elif len(nodes) >= MOST_NODES:
        graph.cut = True
    else:
        nodes[(name, column)] = _node(seen, name, column, sign * step.distance)


def _node(seen: dict[str, LakeTable], name: str, column: str, level: int) -> Node:
    table = seen.get(name)
    title = next((each["title"] for each in table.columns if each["name"] == column), column) if table else column
    return Node(
        table.title if table else name,
        column,
        title or "整表",
        level,
        lineage_url(name, column) if table and column else "",
    )


def _lay_out(graph: Graph, nodes: dict[Place, Node]) -> None:
    levels: dict[int, list[Node]] = {}
    for node in nodes.values():
        levels.setdefault(node.level, []).append(node)
    for position, level in enumerate(sorted(levels)):
        for row, node in enumerate(sorted(levels[level], key=lambda each: (each.table, each.column))):
            node.x, node.y = MARGIN + position * ACROSS, MARGIN + row * DOWN
    graph.nodes = sorted(nodes.values(), key=lambda node: (node.x, node.y))
    graph.width = MARGIN * 2 + (len(levels) - 1) * ACROSS + WIDTH
    graph.height = MARGIN * 2 + max(map(len, levels.values())) * DOWN


def _connect(graph: Graph, nodes: dict[Place, Node], steps: Iterable[Any]) -> None:
    drawn = set()
    for step in steps:
        source, target = (
            nodes.get((step.source or step.origin, step.source_column)),
            nodes.get((step.target, step.column)),
        )
        if source is None or target is None or (source.x, source.y, target.x, target.y) in drawn:
            continue
        drawn.add((source.x, source.y, target.x, target.y))
        bend = (source.right + target.x) // 2
        path = (
            f"M{source.right} {source.middle} C{bend} {source.middle} {bend} {target.middle} {target.x} {target.middle}"
        )
        graph.lines.append(
            Line(path, step.transform, f"{source.table}·{source.title}", f"{target.table}·{target.title}")
        )


def blast(actor: Actor, places: set[Place]) -> list[Dependant]:
    """Everything known to depend on the columns, from every domain that registered."""
    return dependants.of(actor, places)


def _own_dependants(actor: Actor, places: frozenset[Place]) -> Iterable[Dependant]:
    """Libraries, the golden records they hold, their figures, and the business objects a table carries."""
    by_table: dict[str, str] = {}
    for table, column in sorted(places):
        by_table.setdefault(table, column)
    for library in (
        doors.rows(actor, "masters.library")
        .filter(table__in=by_table)
        .annotate(alive=Count("golden", filter=Q(golden__retired_at=None)))
    ):
        place = (library.table, by_table[library.table])
        yield Dependant(
            library.get_kind_display().removesuffix("库") + "库",
            library.name,
            place,
            f"/r/masters.library/{library.pk}/",
            f"{library.rows} 行",
        )
        if library.alive:
            yield Dependant(
                "主记录",
                library.name,
                place,
                f"/r/masters.golden/?library={library.pk}",
                f"{library.alive} 条主记录的这个字段",
            )
        yield Dependant("指标", "基础库与主题库数据量", place, "/figures/masters.library_rows/", library.name)
    carriers = Carrier.objects.filter(
        table__in=by_table, subject__in=doors.rows(actor, "masters.object")
    ).select_related("subject")
    for carrier in carriers:
        named = [name for name in carrier.fields.split("、") if name]
        hit = next(((table, column) for table, column in sorted(places)
                    if table == carrier.table and (not named or column in named)), None)  # fmt: skip
        if hit:
            yield Dependant(
                "业务对象", carrier.subject.name, hit, f"/r/masters.object/{carrier.subject_id}/", str(carrier.system)
            )


dependants.register("masters", _own_dependants)


def coverage(actor: Actor) -> tuple[int, int]:
    """(mapped, all) business objects the actor may see."""
    seen: QuerySet[BusinessObject] = doors.rows(actor, "masters.object")
    return seen.filter(mapped_at__isnull=False).count(), seen.count()


JOINS = {"left": "左联接（没有对应的也保留）", "inner": "内联接（两边都有的才保留）"}


def design_panel(design: Design, accept: float, review: float) -> dict[str, Any]:
    """The declared joins in words: sources with their condition, which field comes from where, what is worked out."""
    content = design.content
    names = dict(
        LakeTable.objects.filter(name__in=[each["table"] for each in content["sources"]]).values_list("name", "title")
    )
    known = {each["name"]: each.get("title") or each["name"] for each in content.get("fields", ())}
    sources = [
        {
            **each, "title": each.get("title") or each["alias"], "table_title": names.get(each["table"], "（数据表尚未建立）"),
            "join": JOINS.get(each.get("join", "left"), "") if place and each.get("on") else "",
            "ranks": "、".join(f"{known.get(name, name) if name != '*' else '其余各项'}第 {rank}" for name, rank in each.get("priority", {}).items()),
            "lines": [("来源主键" if name == "key" else known.get(name, name), text) for name, text in each["fields"].items()],
        }
        for place, each in enumerate(content["sources"])
    ]  # fmt: skip
    outputs = [
        {**each, "title": known[each["name"]], "word": dict(FieldKind.choices).get(each.get("kind", ""), "")}
        for each in content.get("fields", ())
    ]
    return {"sources": sources, "outputs": outputs, "key": content.get("key", ()), "content": content, "resolved": design.library.entity != Entity.NONE,
            "accept": f"{float(content.get('accept', accept)):.0%}", "review": f"{float(content.get('review', review)):.0%}"}  # fmt: skip


def build_panel(library: Library) -> dict[str, Any]:
    """What the last builds did, with the resolution of the last one that went through."""
    builds = list(library.builds.select_related("design").order_by("-pk")[:5])
    done = next((each for each in builds if each.state == "done"), None)
    resolution = done.resolution if done else {}
    linked, members = resolution.get("linked", 0), resolution.get("members", 0)
    design = Design.objects.filter(library=library, published_at__isnull=False).order_by("-number").first()
    return {
        "library": library, "builds": builds, "design": design, "resolution": resolution, "quality": resolution.get("quality"),
        "exact_only": resolution.get("exact_only"), "linked": linked, "members": members,
        "rate": f"{linked / members:.1%}" if members else "—", "sources": design.content["sources"] if design else [],
        "columns": [{"name": name, "title": title, "url": lineage_url(library.table, name)} for name, title in titles(library).items()],
    }  # fmt: skip
