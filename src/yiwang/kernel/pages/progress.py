"""How a case came to where it is, in words: timeline, seats, charged time, links, the days of a deadline."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.clocks.queries import ClockState, words
from yiwang.kernel.clocks.terms import LineKind
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.queries import of as files_of
from yiwang.kernel.flow.definitions import Field, Flow
from yiwang.kernel.flow.models import Case, Link, Seat
from yiwang.kernel.flow.queries import Line, charges, timeline, visible_cases
from yiwang.kernel.flow.terms import LinkKind, SeatKind, SeatState
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.ui.pickers import picker

RECENT = 50
BACKWARD = {"send_back", "withdraw", "decline", "reopen", "terminate"}
SEAT_TONES = {SeatState.OPEN: "info", SeatState.DONE: "ok", SeatState.WAITING: "", SeatState.VOID: ""}
PARTIES = {"lead": "主办单位", "operator": "运行单位", "opener": "登记单位", "nobody": "不计时"}
PICKED = {"organisation": "organisation", "organisations": "organisation", "post": "post", "posts": "post"}


@dataclass(frozen=True)
class Step:
    """A line of the timeline as shown."""

    what: str
    stage: str
    who: str
    at: datetime
    recorded: datetime
    late: bool
    opinion: str
    tone: str
    notes: tuple[str, ...] = ()
    files: tuple[StoredFile, ...] = ()


@dataclass
class Names:
    """Names of the organisations and posts that facts mention, read in one go."""

    wanted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    known: dict[str, dict[str, str]] = field(default_factory=dict)

    def want(self, kind: str, value: Any) -> None:
        values = value if isinstance(value, list) else [value]
        self.wanted[PICKED[kind]].update(str(each) for each in values)

    def read(self, actor: Actor) -> None:
        self.known = {code: picker(code).labels(sorted(values), actor) for code, values in self.wanted.items()}

    def text(self, kind: str, value: Any) -> str:
        values = value if isinstance(value, list) else [value]
        labels = self.known.get(PICKED[kind], {})
        return "、".join(labels.get(str(each), f"编号 {each}") for each in values)


def _fields(flow: Flow) -> dict[str, Field]:
    """Every field an action or the flow itself may set, by name."""
    found = {spec.name: spec for stage in flow.stages for action in stage.actions for spec in action.fields}
    return {**found, **{spec.name: spec for spec in flow.data}}


def _shown(spec: Field, value: Any, names: Names) -> str:
    if spec.kind in PICKED:
        return names.text(spec.kind, value)
    if spec.kind == "choice":
        return dict(spec.choices).get(str(value), str(value))
    if spec.kind == "boolean":
        return "是" if value else "否"
    return str(value).replace("T", " ")[:300]


def who(line: Line) -> str:
    """B 代 A（单位）: both names, since both answer for it."""
    name = f"{line.who} 代 {line.acting_for}" if line.acting_for else line.who
    return f"{name}（{line.organisation}）" if line.organisation else name


def steps(
    actor: Actor, case: Case, flow: Flow, hidden: Iterable[str], reads: Callable[[str], str], *, everything: bool
) -> tuple[list[Step], int, bool]:
    """The latest steps (or all), how many there are, and whether earlier ones were left out. `reads`: how free text
    reads for the actor."""
    lines = timeline(case)
    shown = lines if everything else lines[-RECENT:]
    specs, secret, names = _fields(flow), set(hidden), Names()
    given = {line.seq: _visible_data(line, specs, secret) for line in shown}
    for data in given.values():
        for name, value in data.items():
            if specs[name].kind in PICKED:
                names.want(specs[name].kind, value)
    names.read(actor)
    files = {file.pk: file for file in files_of(("case", case.pk))}
    found = []
    for line in shown:
        notes = [
            f"{specs[name].label}：{reads(_shown(specs[name], value, names))}"
            for name, value in given[line.seq].items()
        ]
        if number := line.facts.get("number"):
            notes.append(f"编号：{number}")
        attached = tuple(files[key] for key in line.facts.get("files", ()) if key in files)
        tone = "back" if line.kind in BACKWARD else "system" if line.kind == "rung" else ""
        found.append(
            Step(line.label, line.stage if line.stage != line.label else "", who(line), line.happened_at, line.recorded_at, line.late, reads(line.opinion), tone,
                 tuple(notes), attached)
        )  # fmt: skip
    return found, len(lines), len(shown) < len(lines)


def _visible_data(line: Line, specs: dict[str, Field], hidden: set[str]) -> dict[str, Any]:
    data = line.facts.get("data", {})
    return {name: value for name, value in data.items() if name in specs and name not in hidden}


@dataclass(frozen=True)
class Place:
    who: str
    kind: str
    stage: str
    state: str
    tone: str
    open: bool
    fault: str


def places(case: Case, flow: Flow) -> list[Place]:
    """Seats of the case, those at work first; void ones only of this round."""
    rows = Seat.objects.filter(Q(case_id=case.pk), ~Q(state=SeatState.VOID) | Q(stage=case.stage, round=case.round))
    rows = rows.select_related("organisation", "post", "person", "on_behalf_of").order_by("-ref")[:RECENT]
    stages = {stage.code: stage.name for stage in flow.stages}
    found = [
        Place(
            _seat_name(seat), "" if seat.kind == SeatKind.HANDLE else str(seat.get_kind_display()),
            stages.get(seat.stage, seat.stage), str(seat.get_state_display()), SEAT_TONES[SeatState(seat.state)],
            seat.state == SeatState.OPEN, seat.fault if seat.state == SeatState.OPEN else "",
        )
        for seat in rows
    ]  # fmt: skip
    return sorted(found, key=lambda place: not place.open)


def _seat_name(seat: Seat) -> str:
    where = str(seat.organisation) + (f" · {seat.post.name}" if seat.post else "（待认领）" if seat.pool else "")
    if seat.person and seat.on_behalf_of:
        return f"{where} {seat.person} 代 {seat.on_behalf_of}"
    return f"{where} {seat.person}" if seat.person else where


@dataclass(frozen=True)
class Charge:
    party: str
    minutes: float


def charged(case: Case, reads: Callable[[str], str]) -> list[Charge]:
    """The life of the case divided among who is charged with it, longest first."""
    spans = charges(case)
    wanted = {span.organisation_id for span in spans if span.organisation_id is not None}
    names = {unit.pk: str(unit) for unit in Organisation.objects.filter(pk__in=wanted)}
    totals: dict[str, float] = defaultdict(float)
    for span in spans:
        party = PARTIES.get(span.party, span.party)
        name = names.get(span.organisation_id or 0)
        label = f"{name}（{party}）" if name else f"{party}：{reads(span.cause)}" if span.cause else party
        totals[label] += (span.stop - span.start).total_seconds() / 60
    return [Charge(party, minutes) for party, minutes in sorted(totals.items(), key=lambda item: -item[1])]


@dataclass(frozen=True)
class Linked:
    kind: str
    case: Case
    visible: bool


def linked(actor: Actor, case: Case) -> list[Linked]:
    """Other cases: above, below, merged, split. Of one out of scope only the number shows."""
    rows = Link.objects.filter(Q(source=case) | Q(target=case)).select_related("source", "target").order_by("id")[:100]
    others = [(link, link.target if link.source_id == case.pk else link.source) for link in rows]
    seen = set(visible_cases(actor).filter(pk__in=[other.pk for _, other in others]).values_list("pk", flat=True))
    return [Linked(_relation(link, case), other, other.pk in seen) for link, other in others]


def _relation(link: Link, case: Case) -> str:
    if link.kind == LinkKind.CHILD and link.target_id == case.pk:
        return "上级案件"
    if link.kind == LinkKind.MERGED:
        return "并入" if link.source_id == case.pk else "并来"
    return str(link.get_kind_display())


@dataclass(frozen=True)
class Day:
    date: object
    label: str
    note: str
    amount: str
    total: str


def days(clock: ClockState) -> Sequence[Day]:
    """The deadline explained day by day."""
    return [
        Day(line.date, str(LineKind(line.kind).label), line.note,
            words(clock.unit, line.amount) if line.amount else "", words(clock.unit, line.total))
        for line in clock.days
    ]  # fmt: skip
