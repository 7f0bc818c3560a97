"""Words of the calendar room."""

from datetime import timedelta, timezone

from django.db.models import TextChoices

# The legal time of the whole country; no daylight saving since 1992, so a fixed offset is exact and fast.
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")

# Opening hours when a calendar states none, in minutes after midnight.
OFFICE_HOURS = ((9 * 60, 12 * 60), (13 * 60 + 30, 17 * 60 + 30))


class DayKind(TextChoices):
    """一天的性质：调休上班的周末是工作日，节假日放假的工作日是休息日。"""

    WORKING = "working", "工作日"
    WEEKEND = "weekend", "周末"
    HOLIDAY = "holiday", "法定节假日"
    MAKEUP = "makeup", "调休上班"


class Change(TextChoices):
    REST = "rest", "休"
    WORK = "work", "班"
    REGULAR = "regular", "恢复常规"
