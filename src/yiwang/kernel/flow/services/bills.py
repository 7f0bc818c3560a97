"""The bill of a day: a digest over every entry recorded that day, made once the day is over."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.crypto.digests import sm3
from yiwang.kernel.flow.models import DayBill, Entry

# An act's transaction is over long before this; nothing can still be recorded for the day.
GRACE = timedelta(minutes=10)


def digest_of(day: date) -> tuple[int, str]:
    start = datetime.combine(day, time.min, CHINA)
    rows = Entry.objects.filter(recorded_at__gte=start, recorded_at__lt=start + timedelta(days=1))
    hashes = list(rows.order_by("case_id", "seq").values_list("hash", flat=True))
    return len(hashes), sm3("".join(hashes).encode())


@transaction.atomic
def bill(day: date) -> DayBill:
    over = datetime.combine(day + timedelta(days=1), time.min, CHINA) + GRACE
    if timezone.now() < over:
        raise Invalid(f"{day} 尚未结束，不能出具日清单。请于次日再试。")
    known = DayBill.objects.filter(day=day).first()
    if known is not None:
        return known
    count, digest = digest_of(day)
    return DayBill.objects.get_or_create(day=day, defaults={"count": count, "digest": digest})[0]


def bill_finished_days(now: datetime | None = None) -> int:
    """Bills for every finished day since the last one; the worker's loop."""
    last = DayBill.objects.order_by("-day").values_list("day", flat=True).first()
    if last is None:
        first = Entry.objects.aggregate(first=Min("recorded_at"))["first"]
        if first is None:
            return 0
        last = first.astimezone(CHINA).date() - timedelta(days=1)
    until = ((now or timezone.now()) - GRACE).astimezone(CHINA).date()
    days = [last + timedelta(days=number) for number in range(1, (until - last).days)]
    for day in days:
        bill(day)
    return len(days)


def wrong_bills() -> Iterator[tuple[DayBill, int]]:
    """Bills whose day's entries are no longer those they were made of, with how many there are now."""
    for item in DayBill.objects.order_by("day"):
        count, digest = digest_of(item.day)
        if (count, digest) != (item.count, item.digest):
            yield item, count
