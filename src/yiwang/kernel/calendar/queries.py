"""Loading calendars. Versions never change, so a loaded one is kept for the life of the process."""

from functools import lru_cache

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.calendar.models import CalendarDay, CalendarVersion
from yiwang.kernel.calendar.workdays import Override, WorkCalendar


@lru_cache(maxsize=64)
def _fold(version_id: int) -> WorkCalendar:
    # Keyed by primary key: numbers of a rolled-back publication are used again, keys never are.
    version = CalendarVersion.objects.get(pk=version_id)
    days = CalendarDay.objects.filter(version__code=version.code, version__number__lte=version.number)
    changes = {
        row.date: Override(row.date, row.change, row.name, row.source) for row in days.order_by("version__number")
    }
    published = CalendarVersion.objects.filter(code=version.code, number__lte=version.number)
    years = {year for row in published.values_list("years", flat=True) for year in row}
    hours = [(int(start), int(end)) for start, end in version.hours]
    return WorkCalendar(changes.values(), years, hours, code=version.code, version=version.number)


def version(code: str = "cn", number: int | None = None) -> CalendarVersion:
    """The version in force (or the one with that number)."""
    rows = CalendarVersion.objects.filter(code=code)
    found = (rows if number is None else rows.filter(number=number)).order_by("-number").first()
    if found is None:
        raise Invalid(f"工作日历“{code}”尚未发布，无法计算期限。请系统管理员运行 seed_standards 或先发布日历。")
    return found


def load(code: str = "cn", number: int | None = None) -> WorkCalendar:
    return _fold(version(code, number).pk)


def load_version(version_id: int) -> WorkCalendar:
    return _fold(version_id)
