"""Numbers: unique, gapless, never reused. Issued inside the act's transaction, so a rolled-back act takes none."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
    return draw_many(series, [at])[0]


def draw_many(series: str, moments: Sequence[datetime]) -> list[tuple[int, int, str]]:
    """A number for each moment, in their order; one statement a period, periods in a fixed order of locks."""
    parts = [_parts(series, at) for at in moments]
    wanted = Counter((code, period) for code, _, period in parts)
    drawn: dict[tuple[str, str], tuple[int, Iterator[int]]] = {}
    with connection.cursor() as cursor:
        for (code, period), number in sorted(wanted.items()):
            cursor.execute(
                "insert into flow_numberseries (code, period, last) values (%s, %s, %s) "
                "on conflict (code, period) do update set last = flow_numberseries.last + excluded.last "
                "returning id, last",
                [code, period, number],
            )
            series_id, last = cursor.fetchone()
            drawn[code, period] = series_id, iter(range(last - number + 1, last + 1))
    found = []
    for at, (code, pattern, period) in zip(moments, parts, strict=True):
        series_id, values = drawn[code, period]
        value, local = next(values), at.astimezone(CHINA)
        found.append((series_id, value, pattern.format(year=f"{local:%Y}", day=f"{local:%Y%m%d}", value=value)))
    return found


def missing(series: Iterable[str]) -> Iterator[str]:
    """Numbers of these series of cases that were given out and that no case bears any more: a rolled-back act takes
    none, so a case is gone. Other rooms draw numbers for what is no case."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.code, s.period, n from flow_numberseries s cross join lateral generate_series(1, s.last) n "
            "left join flow_issuednumber i on i.series_id = s.id and i.value = n where i.id is null and s.code = any(%s) order by 1, 2, 3",
            [sorted({each.partition("|")[0] for each in series})],
        )
        for code, period, value in cursor.fetchall():
            yield f"编号序列 {' '.join(filter(None, (code, period)))} 的第 {value} 号"


def book(drawn: tuple[int, int, str], case_id: int, seq: int) -> str:
    """Keep whom a drawn number went to."""
    series_id, value, text = drawn
    IssuedNumber.objects.create(series_id=series_id, value=value, text=text, case_id=case_id, seq=seq)
    return text
