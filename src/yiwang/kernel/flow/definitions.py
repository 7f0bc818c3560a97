"""What a flow is: stages, seats, actions, clocks, gates. Data only; published versions are immutable.

A stage holds seats. Parallel work is seats in a stage or child cases, never free tokens, so sending back is
always defined. There is no expression language: conditions are `Where` over typed case data.
"""

from dataclasses import dataclass, field
from typing import Literal

# Where an action leads: a stage code, or one of these words.
STAY, PREVIOUS, ORIGIN, RETURNER = "@stay", "@previous", "@origin", "@returner"
END_PREFIX = "@end:"


def end(outcome: str) -> str:
    """Target that closes the case with an outcome declared in `Flow.outcomes`."""
    return END_PREFIX + outcome


@dataclass(frozen=True)
class Where:
    """A closed predicate over case data, e.g. Where("kind", "in", ("投诉", "举报"))."""

    field: str
    op: Literal["eq", "ne", "in", "not_in", "gte", "lte", "present", "absent"]
    value: object = None


@dataclass(frozen=True)
class Assign:
    """Who gets the seats of a stage; always posts, resolved to people when opened.

    by: role         posts holding `role` in the organisation named by `of`
        initiator    the post that opened the case
        handler      whoever held the decisive seat of stage `stage`
        head         the head posts of the organisation named by `of`
        chosen       posts or organisations named by the act that enters the stage (data["to"])
    of: operator (the organisation that runs the flow), lead (case.organisation), opener, case data field name,
        or an organisation code prefixed with "code:"
    pool=True opens one seat for the whole group, to be claimed (认领); pool=False one seat each.
    """

    by: Literal["role", "initiator", "handler", "head", "chosen"]
    role: str = ""
    of: str = "lead"
    stage: str = ""
    pool: bool = False


@dataclass(frozen=True)
class Decide:
    """How verdicts of the seats decide a stage. Shares are fractions 0..1, weights per post code."""

    by: Literal["any", "all", "ratio", "count", "weight", "lead"] = "any"
    pass_at: float | int = 1
    reject_at: float | int | None = None
    sequential: bool = False
    weights: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """A field asked by an action. kind decides widget and check; choices are (value, label)."""

    name: str
    label: str
    kind: Literal["text", "long_text", "integer", "decimal", "date", "datetime", "boolean", "choice", "organisation",
                  "organisations", "post", "posts", "case", "file", "files"] = "text"  # fmt: skip
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""


@dataclass(frozen=True)
class Gate:
    """What must hold before the action: a data field, a document kind, or all gated children closed."""

    kind: Literal["data", "file", "children_closed", "co_opinions", "clock_running", "before_due", "after_due"]
    value: str = ""
    message: str = ""


@dataclass(frozen=True)
class Action:
    """A button of a stage. `verdict` counts in the decision; `to` is where a decided stage goes.

    A verdict of pass follows `to` once the stage's Decide passes; reject once it is rejected; `note` acts
    at once without a vote. A field named "to" names who gets the next stage, "lead" the lead organisation, and
    "co_handlers" the organisations that get 协办 seats when a stage gated by `co_opinions` opens. `once=True`: at most once in the life of the case.
    `number`: code of a number series issued when the action takes effect (unique, gapless, never reused).
    """

    code: str
    name: str
    to: str
    verdict: Literal["pass", "reject", "note"] = "pass"
    needs_opinion: bool = False
    fields: tuple[Field, ...] = ()
    gates: tuple[Gate, ...] = ()
    where: tuple[Where, ...] = ()
    once: bool = False
    number: str = ""
    basis: str = ""
    confirm: str = ""


@dataclass(frozen=True)
class Stage:
    """A stage. `charge` says whose time passes here; suspensions charge nobody, with their legal cause.

    `when_children_closed`: the action the platform takes when the last gated child closes.
    """

    code: str
    name: str
    assign: Assign
    actions: tuple[Action, ...]
    decide: Decide = Decide()
    phase: str = ""
    on_nobody: Literal["dispatcher", "skip_with_entry"] = "dispatcher"
    same_person: Literal["allow", "skip_earlier_signer", "refuse"] = "allow"
    charge: Literal["lead", "operator", "opener", "nobody"] = "lead"
    when_children_closed: str = ""
    basis: str = ""


@dataclass(frozen=True)
class ClockRule:
    """A clock of the flow. `limit` names the dated table's row that gives number, unit and extensions on the day of
    the start, of the kind that the case data `variant_field` says; `budget_field` names case data that sets the number
    for this case. A fixed `budget` is for tests and drawings: figures of law stand in the table.

    starts/stops: "open", "close", "enter:<stage>", "leave:<stage>", "act:<action>", "op:<operation>"; several
    starts stand apart by spaces, and a clock that already runs is not started again (stage clocks are).
    on_breach: "" only warns; "act:<action>" lets the platform take that action with the lawful instant
    (视为受理); "escalate" opens a supervision.
    """

    code: str
    name: str
    unit: Literal["working_day", "calendar_day", "working_hour", "minute", "month"] = "working_day"
    budget: int = 0
    budget_field: str = ""
    unit_field: str = ""
    kind: Literal["statutory", "promised", "stage", "response", "supervision", "correction", "joint"] = "stage"
    starts: str = "open"
    stops: str = "close"
    starts_next_day: bool = True
    calendar: str = "cn"
    rungs: tuple[str, ...] = ("50%", "80%", "-1d", "due", "+1d")
    on_breach: str = ""
    extensions: int = 0
    extension_budget: int = 0
    basis: str = ""
    limit: str = ""
    variant_field: str = ""


@dataclass(frozen=True)
class Operation:
    """A built-in operation switched on for the flow, with who may use it and its limits.

    code: claim release send_back withdraw cancel transfer delegate add_seat remove_seat copy urge supervise
    suspend resume correct extend decline arbitrate co_handle merge split terminate reopen jump handover
    batch late_entry open_child release_child
    who: seat (holder of a seat of the case), initiator, head, or role:<role code>
    stages: where it may be used; empty = anywhere. settings, by operation:
        max        correct extend reopen transfer delegate(depth): how often; urge: none
        hours      urge: least hours between two (24)
        approver   extend: "head" (default), "role:<code>"; direct=True grants without asking
        clock      extend: the clock that is extended by default
        stops      suspend correct decline: clock codes stopped (default: all but supervision and correction;
                   decline: stage and response clocks only)
        redo       send_back: "again" (逐级重走, default), "direct" (直送退回人) or "choose"
        same       transfer delegate add_seat co_handle: "organisation" limits the target to the same unit
        role       co_handle: the role that answers in a co-handling organisation
        to         reopen: the stage by default
        sum        split: data fields whose parts must add up to the source
    """

    code: str
    who: tuple[str, ...] = ("seat",)
    stages: tuple[str, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)
    basis: str = ""


@dataclass(frozen=True)
class Flow:
    """A flow definition. `code` is stable, `edition` names the text; the hash of the content is the version."""

    code: str
    name: str
    edition: str
    stages: tuple[Stage, ...]
    outcomes: tuple[tuple[str, str], ...]
    clocks: tuple[ClockRule, ...] = ()
    operations: tuple[Operation, ...] = ()
    data: tuple[Field, ...] = ()
    number: str = ""
    operator_role: str = ""
    basis: str = ""

    def stage(self, code: str) -> Stage:
        return next(stage for stage in self.stages if stage.code == code)

    def operation(self, code: str) -> Operation | None:
        return next((operation for operation in self.operations if operation.code == code), None)

    def outcome_name(self, code: str) -> str:
        return dict(self.outcomes).get(code, code)
