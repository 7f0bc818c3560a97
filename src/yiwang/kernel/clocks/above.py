"""What the room above gives to clocks: its cases and its reactions, declared once when it is loaded."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Model

from yiwang.kernel.calendar.models import CalendarVersion
from yiwang.kernel.clocks.models import Clock, Timer
from yiwang.kernel.clocks.terms import RungKind

Handler = Callable[[Timer, datetime], object]
Moved = Callable[[Clock, datetime | None, datetime | None, CalendarVersion], object]


@dataclass
class Above:
    """owner: the model `case_id` names, whose row lock guards the clocks of a case. handlers: by kind of rung, given
    the timer and the lawful instant. moved: told of each due date that a published calendar moved."""

    owner: type[Model] | None = None
    handlers: dict[RungKind, Handler] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)


DECLARED = Above()


def owned_by(model: type[Model]) -> None:
    DECLARED.owner = model


def on_rung(kind: str, handler: Handler) -> None:
    if DECLARED.handlers.setdefault(RungKind(kind), handler) is not handler:
        raise ValueError(f"two handlers for rungs of kind {kind}")


def on_due_moved(follower: Moved) -> None:
    if follower not in DECLARED.moved:
        DECLARED.moved.append(follower)
