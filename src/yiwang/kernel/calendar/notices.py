"""Reading a notice of holidays as the State Council words it (全国年节及纪念日放假办法第六、七条), or a site's own.

“二、春节：2月15日（周日）至23日（周一）放假调休，共9天。2月14日（周六）上班。” Only dates and what is said of them are
read; a person looks at the result before it is published.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.calendar.terms import Change
from yiwang.kernel.calendar.workdays import FIRST, LAST, Override

LONGEST, MOST_DAYS = 5_000, 60
NEW_YEAR = "元旦"
_ASIDE = re.compile(r"[（(][^（()）]*[)）]")
_HEADING = re.compile(r"^\s*(?:[一二三四五六七八九十]+\s*[、.．]|\d+\s*[、.．](?!\d))?\s*([^:0-9。,，]{1,20}):")
_DATE = r"(?:(\d{4})年)?(?:(\d{1,2})月)?(\d{1,2})日"
_TOKEN = re.compile(rf"{_DATE}(?:\s*(?:至|到|-+|—+|–|~)\s*{_DATE})?|放假|上班|恢复")
_SAYS = {"放假": Change.REST, "上班": Change.WORK, "恢复": Change.REGULAR}


@dataclass(frozen=True)
class Reading:
    """The days a text arranges, in order, and the dates of which it says nothing that could be read."""

    overrides: tuple[Override, ...]
    unread: tuple[str, ...]


def read(text: str, year: int, source: str = "") -> Reading:
    """What the text arranges. A date without its year is of `year`, a December day of 元旦 of the year before.

    Raises Invalid for a date there is not, a period that ends before it begins, or two arrangements of one day.
    """
    if len(text) > LONGEST:
        raise Invalid(f"通知正文超过 {LONGEST:,} 字，请只粘贴节假日安排的部分。", errors={"text": ["太长"]})
    found: dict[date, Override] = {}
    unread: list[str] = []
    name = ""
    for line in unicodedata.normalize("NFKC", text).splitlines():
        heading = _HEADING.match(line)
        name = heading[1].strip() if heading else name if line.strip() else ""
        for sentence in re.split("[。;]", _ASIDE.sub("", line[heading.end() if heading else 0 :])):
            waiting: list[tuple[str, list[date]]] = []
            for token in _TOKEN.finditer(sentence):
                if token[0] not in _SAYS:
                    waiting.append((token[0], _days(token, year, name, waiting)))
                    continue
                for day in [day for _, days in waiting for day in days]:
                    _add(found, Override(day, _SAYS[token[0]], name, source))
                waiting = []
            unread += [said for said, _ in waiting]
    return Reading(tuple(found[day] for day in sorted(found)), tuple(unread))


def _days(token: re.Match[str], year: int, name: str, before: list[tuple[str, list[date]]]) -> list[date]:
    near = before[-1][1][-1] if before else None
    first = _date(token.group(1, 2, 3), year, name, near)
    last = _date(token.group(4, 5, 6), year, name, first) if token[6] else first
    if last < first and not token[4]:
        last = _date((str(first.year + 1), *token.group(5, 6)), year, name, first)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise Invalid(f"“{token[0]}”的起止有误，请核对。", errors={"text": [f"“{token[0]}”的起止有误"]})
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _date(parts: tuple[str | None, ...], year: int, name: str, near: date | None) -> date:
    """The month of a day that names none is that of the date before it."""
    stated, month, day = (int(part) if part else 0 for part in parts)
    month = month or (near.month if near else 0)
    own = near.year if near and not parts[1] else year - (name == NEW_YEAR and month == 12)
    try:
        found: date | None = date(stated or own, month, day)
    except ValueError:
        found = None
    if found is None or not FIRST <= found <= LAST:
        said = f"日历里没有“{stated or own}年{month or '?'}月{day}日”这一天，请核对通知正文。"
        raise Invalid(said, errors={"text": [said]})
    return found


def _add(found: dict[date, Override], item: Override) -> None:
    if item.date in found and found[item.date].change != item.change:
        raise Invalid(f"{item.date} 在通知里有两种安排，请核对。", errors={"text": [f"{item.date} 有两种安排"]})
    found[item.date] = item
