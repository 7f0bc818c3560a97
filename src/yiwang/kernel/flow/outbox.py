"""Delivery of what entries owe: at least once, in order within a case, each with its dedup id."""

import logging
from collections.abc import Callable, Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM
from yiwang.kernel.flow.fold import Facts
from yiwang.kernel.flow.kinds import wording_of
from yiwang.kernel.flow.models import Case, Outbox, Seat
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.seating import today, with_role
from yiwang.kernel.flow.services.family import child_closed
from yiwang.kernel.flow.terms import TRIES
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.messages.services import notify
from yiwang.kernel.orgs.models import Post
from yiwang.kernel.people.models import Appointment
from yiwang.kernel.people.queries import HEAD

log = logging.getLogger(__name__)
# A parked row holds nothing back: the rest of its case is told, and the alarm names the one that was not.
CLAIM = """
select o.* from flow_outbox o
where o.delivered_at is null and o.attempts < %(tries)s and o.not_before <= clock_timestamp()
  and (%(kinds)s::text[] is null or o.kind = any(%(kinds)s))
  and not exists (select 1 from flow_outbox e where e.case_id = o.case_id and e.id < o.id
                  and e.delivered_at is null and e.attempts < %(tries)s)
order by o.id limit %(most)s for update of o skip locked
"""
# Notices that one person gets at once, from here on in one message: an import of thousands must not fill the bell.
MANY, BATCH, NAMED = 20, 1000, 10
FOLDED = {"seats": ("待办：新到 {} 件", "/inbox/todo/"), "rung": ("催办：{} 件临近或超过时限", "/inbox/todo/")}


def deliver(limit: int = 200) -> int:
    """Deliver what is due; a row that fails waits longer each time and holds back only its own case."""
    done = _folded()
    while done < limit and _one():
        done += 1
    return done


def _one() -> bool:
    row: Outbox | None = None
    try:
        with transaction.atomic():
            row = next(iter(Outbox.objects.raw(CLAIM, {"tries": TRIES, "kinds": None, "most": 1})), None)
            if row is None:
                return False
            HANDLERS[row.kind](row)
            Outbox.objects.filter(pk=row.pk).update(delivered_at=timezone.now())
    except Exception as error:
        if row is None:
            raise
        log.warning("outbox %s failed", row.dedup, exc_info=True)
        _put_off(row, error)
    return True


def _folded() -> int:
    """Tell many notices of one kind together: a person's many in one message, few as ever. How many rows that were.

    What fails as a whole is left to be told one by one.
    """
    done = 0
    for kind in FOLDED:
        try:
            with transaction.atomic():
                claimed = {"tries": TRIES, "kinds": [kind], "most": BATCH}
                rows = list(Outbox.objects.raw(CLAIM, claimed).prefetch_related("case"))
                if len(rows) >= MANY:
                    _tell_together(kind, rows)
                    Outbox.objects.filter(pk__in=[row.pk for row in rows]).update(delivered_at=timezone.now())
                    done += len(rows)
        except Exception:
            log.warning("outbox: %s could not be told together", kind, exc_info=True)
    return done


def _tell_together(kind: str, rows: list[Outbox]) -> None:
    seats = {(seat.case_id, seat.ref): seat for seat in Seat.objects.filter(case__in=[row.case_id for row in rows])}
    known: dict[tuple[int | None, str, int], set[int]] = {}
    waiting: dict[int, list[Outbox]] = {}
    for row in rows:
        people = set[int]()
        for seat in filter(None, (seats.get((row.case_id, ref)) for ref in row.payload["refs"])):
            place = (seat.post_id, seat.pool, seat.organisation_id)
            people |= known[place] if place in known else known.setdefault(place, holders([seat]))
        for person in people:
            waiting.setdefault(person, []).append(row)
    crowded = {person for person, theirs in waiting.items() if len(theirs) >= MANY}
    for row in rows:
        HANDLERS[kind](row, crowded)
    title, url = FOLDED[kind]
    for person in crowded:
        theirs = waiting[person]
        named = "\n".join(f"{row.case.number} {row.case.title}" for row in theirs[:NAMED])
        rest = f"\n等 {len(theirs)} 件，见待办。" if len(theirs) > NAMED else ""
        notify([person], title.format(len(theirs)), named + rest, url=url, kind=f"flow.{kind}",
               dedup=f"flow:{theirs[0].dedup}+{len(theirs)}")  # fmt: skip


def _put_off(row: Outbox, error: Exception) -> None:
    """The attempt counts though all it did is undone; after the last one the row is parked and the alarm raised."""
    attempts = row.attempts + 1
    problem = f"{type(error).__name__}: {error}"[:300]
    with transaction.atomic():
        Outbox.objects.filter(pk=row.pk, delivered_at=None, attempts=row.attempts).update(
            attempts=attempts, problem=problem, not_before=timezone.now() + timedelta(seconds=2**attempts)
        )
        if attempts >= TRIES:
            log.error("outbox %s parked after %s attempts: %s", row.dedup, attempts, problem)
            ledger.record(SYSTEM, "flow.outbox.park", ("flow.case", row.case_id), after={"problem": problem})


def holders(seats: list[Seat]) -> set[int]:
    """The people on the posts or in the pools of seats, today."""
    now, found = timezone.now(), set()
    for seat in seats:
        if seat.post_id is not None:
            posts = Appointment.objects.filter(post_id=seat.post_id, person__active=True)
            found |= {row.person_id for row in posts if row.valid_from <= today(now) <= (row.valid_until or today(now))}
        elif seat.pool == HEAD:
            found |= _in(Post.objects.filter(organisation_id=seat.organisation_id, is_head=True))
        elif not seat.pool.startswith("@"):
            found |= _in(Post.objects.filter(with_role(seat.pool, [seat.organisation_id], now)))
    return found


def _in(posts: QuerySet[Post]) -> set[int]:
    now = today(timezone.now())
    rows = Appointment.objects.filter(post__in=posts, person__active=True)
    return {row.person_id for row in rows if row.valid_from <= now <= (row.valid_until or now)}


def _tell_holders(row: Outbox, told: Collection[int] = ()) -> None:
    _tell(row, "待办", row.payload, told)


def _tell_urged(row: Outbox, told: Collection[int] = ()) -> None:
    _tell(row, "催办", row.payload, told)


def _tell(row: Outbox, word: str, payload: Facts, told: Collection[int]) -> None:
    """To the holders, but for those who are told of it otherwise."""
    case = row.case
    seats = list(Seat.objects.filter(case=case, ref__in=payload["refs"]))
    stage = next((s.name for s in flow_of(case.version_id).stages if s.code == case.stage), case.stage)
    body = f"{case.number} {case.title}。当前环节：{stage}。{_unsigned(case, payload.get('opinion', ''))}"
    notify(holders(seats).difference(told), f"{word}：{case.title}", body, url=f"/cases/{case.pk}/", kind=f"flow.{row.kind}",
           dedup=f"flow:{row.dedup}", thread=f"case:{case.pk}")  # fmt: skip


def _unsigned(case: Case, opinion: str) -> str:
    """A notice leaves the platform on other channels too, so its text reads as for somebody who may see nothing."""
    return wording_of(ANONYMOUS, case)(opinion) if opinion else ""


def _tell_opener(row: Outbox, title: str, body: str) -> None:
    case = row.case
    if case.opener_person_id is not None:
        notify([case.opener_person_id], title, body, url=f"/cases/{case.pk}/", kind=f"flow.{row.kind}",
               dedup=f"flow:{row.dedup}", thread=f"case:{case.pk}")  # fmt: skip


def _closed(row: Outbox) -> None:
    case = row.case
    name = flow_of(case.version_id).outcome_name(row.payload["outcome"])
    _tell_opener(row, f"办结：{case.title}", f"{case.number} 已办结，结果：{name}。")
    if case.parent_id is not None:
        child_closed(case.parent_id, case.pk, row.payload["outcome"])


def _correct(row: Outbox) -> None:
    _tell_opener(row, f"补正：{row.case.title}", f"{row.case.number} 需补正：{row.payload['items']}")


HANDLERS: dict[str, Callable[..., None]] = {
    "seats": _tell_holders, "urge": _tell_urged, "rung": _tell_urged, "closed": _closed, "correct": _correct,
}  # fmt: skip
