"""Publishing a calendar: the only way to change it, and always as a new version."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.calendar import queries
from yiwang.kernel.calendar.models import CalendarDay, CalendarVersion
from yiwang.kernel.calendar.resources import CALENDAR
from yiwang.kernel.calendar.terms import OFFICE_HOURS, Change
from yiwang.kernel.calendar.workdays import FIRST, LAST, Hours, Override
from yiwang.kernel.ledger import services as ledger


def publish(
    actor: Actor, code: str, overrides: Iterable[Override], source: str, *, years: Iterable[int] = (),
    hours: Hours | None = None,
) -> CalendarVersion:  # fmt: skip
    """Publish changes as the next version; what changes nothing publishes nothing."""
    actor.require(CALENDAR.code, "publish")
    changes = {item.date: item for item in overrides}
    _check(changes.values(), source, hours)
    with transaction.atomic():
        latest = CalendarVersion.objects.select_for_update().filter(code=code).order_by("-number").first()
        wanted_years = set(years)
        wanted_hours = [list(span) for span in hours] if hours else latest.hours if latest else list(OFFICE_HOURS)
        if latest is not None:
            current = queries.load_version(latest.pk)
            changes = {day: item for day, item in changes.items() if not current.agrees(item)}
            wanted_years -= current.years
            if not changes and not wanted_years and wanted_hours == latest.hours:
                return latest
        try:
            with transaction.atomic():
                version = CalendarVersion.objects.create(
                    code=code, number=latest.number + 1 if latest else 1, source=source, years=sorted(wanted_years),
                    hours=wanted_hours, published_by=actor.signature(),
                )  # fmt: skip
        except IntegrityError as error:
            raise Conflict(f"工作日历“{code}”刚刚被他人发布了新版本，请刷新后重试。") from error
        CalendarDay.objects.bulk_create(
            CalendarDay(version=version, date=item.date, change=item.change, name=item.name, source=item.source)
            for item in changes.values()
        )
        ledger.record(
            actor, "calendar.publish", ("calendar", code), reason=source,
            after={"version": version.number, "years": version.years, "days": sorted(map(str, changes))},
        )  # fmt: skip
    return version


def _check(overrides: Iterable[Override], source: str, hours: Hours | None) -> None:
    if not source.strip():
        raise Invalid("发布工作日历须写明依据（通知文号）。", errors={"source": ["请填写依据"]})
    for item in overrides:
        if item.change not in Change.values or not FIRST <= item.date <= LAST:
            raise Invalid(f"{item.date} 的安排“{item.change}”无效：只能是休、班或恢复常规，且在 {FIRST}—{LAST} 之间。")
    if hours is not None:
        edges = [edge for span in hours for edge in span]
        if not edges or edges != sorted(set(edges)) or not 0 <= edges[0] <= edges[-1] <= 24 * 60:
            raise Invalid("办公时间无效：各段须按先后排列、互不重叠，且在一日之内。", errors={"hours": ["请检查"]})
