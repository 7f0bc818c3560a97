"""Numbers: unique, gapless, never reused. Issued inside the act's transaction, so a rolled-back act takes none."""

from datetime import datetime

from django.db import connection

from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.flow.models import IssuedNumber


def _parts(series: str, at: datetime) -> tuple[str, str, str]:
    """`code` or `code|pattern`; a pattern without {year} never restarts."""
    code, _, pattern = series.partition("|")
    pattern = pattern or code + "{year}{value:06d}"
    local = at.astimezone(CHINA)
    period = f"{local:%Y%m%d}" if "{day}" in pattern else f"{local:%Y}" if "{year}" in pattern else ""
    return code, pattern, period


def draw(series: str, at: datetime) -> tuple[int, int, str]:
    """The next number as (series id, value, text). The series row stays locked until the transaction ends:
    a sequence would leave a gap at every rollback."""
    code, pattern, period = _parts(series, at)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into flow_numberseries (code, period, last) values (%s, %s, 1) "
            "on conflict (code, period) do update set last = flow_numberseries.last + 1 returning id, last",
            [code, period],
        )
        series_id, value = cursor.fetchone()
    local = at.astimezone(CHINA)
    return series_id, value, pattern.format(year=f"{local:%Y}", day=f"{local:%Y%m%d}", value=value)


def book(drawn: tuple[int, int, str], case_id: int, seq: int) -> str:
    """Keep whom a drawn number went to."""
    series_id, value, text = drawn
    IssuedNumber.objects.create(series_id=series_id, value=value, text=text, case_id=case_id, seq=seq)
    return text
