"""What people type into spreadsheet cells, turned into form input; each refusal is a sentence."""

import datetime
import re
import unicodedata
from typing import Any

from django.utils import timezone

from yiwang.kernel.registers.paths import Path

YES = frozenset(["是", "有", "对", "√", "✓", "y", "yes", "true", "1"])
NO = frozenset(["否", "无", "错", "×", "✗", "n", "no", "false", "0"])
EPOCH = datetime.datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's serial day 0, a wall-clock date
SERIAL_DAYS = range(1, 2_958_466)
EXACT = 10**15
_BLANK = re.compile(r"[ \t\r\f\v\u00a0\u200b-\u200d\u2060\u3000\ufeff]+")
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?|(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(r"[\sT]*(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.\d+)?秒?|分)?")
FORMULA = re.compile(r"'*(?:[\s\u200b-\u200d\u2060\ufeff]*[=+\-@＝＋－＠]|[\t\r\n])")


def coerce(path: Path, cell: object) -> Any:
    """Form input for a cell; raises ValueError with the sentence for the officer."""
    text = clean(cell)
    if text == "":
        return "" if path.kind != "boolean" else None
    if path.kind in {"text", "long_text"}:
        return _text(cell, text)
    if path.kind in {"integer", "decimal"}:
        return _number(path.kind, text)
    if path.kind in {"date", "datetime"}:
        found = _moment(cell, text)
        return found.date() if path.kind == "date" else timezone.make_aware(found)
    if path.kind == "boolean":
        word = narrow(text).lower()
        if word not in YES | NO:
            raise ValueError(f"“{text}”应填“是”或“否”")
        return word in YES
    if path.kind == "choice":
        return _choice(path, text)
    return text


def clean(cell: object) -> str:
    """The cell's text: blanks of every kind trimmed, our own injection guard taken off again."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    lines = [_BLANK.sub(" ", line).strip() for line in str(cell).replace("\x00", "").split("\n")]
    text = "\n".join(lines).strip()
    return text[1:].strip() if text.startswith("'") and FORMULA.match(text) else text


def narrow(text: str) -> str:
    """Full-width letters and digits to half-width."""
    return unicodedata.normalize("NFKC", text).strip()


def _text(cell: object, text: str) -> str:
    if isinstance(cell, float | int) and not isinstance(cell, bool) and abs(cell) >= EXACT:
        raise ValueError(f"“{text}”已被表格软件转成数值，后几位可能已丢失；请把该列设为文本后重新填写")
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time.min:
        return cell.date().isoformat()
    return text


def _number(kind: str, text: str) -> str:
    plain = narrow(text).replace(",", "").replace(" ", "")
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", plain):
        raise ValueError(f"“{text}”不是数字")
    if kind == "integer" and not re.fullmatch(r"[+-]?\d+", plain):
        raise ValueError(f"“{text}”应为整数")
    return plain


def _moment(cell: object, text: str) -> datetime.datetime:
    if isinstance(cell, datetime.datetime):
        return cell
    if isinstance(cell, datetime.date):
        return datetime.datetime.combine(cell, datetime.time.min)
    plain = narrow(text)
    if re.fullmatch(r"\d{1,7}(\.\d+)?", plain) and int(float(plain)) in SERIAL_DAYS:
        return EPOCH + datetime.timedelta(seconds=round(float(plain) * 86400))
    found = _DATE.match(plain)
    rest = plain[found.end() :] if found else ""
    clock = _TIME.fullmatch(rest) if rest.strip() else None
    if found is None or (rest.strip() and clock is None):
        raise ValueError(f"“{text}”不是日期，请写成 2026-01-31")
    parts = [int(part) for part in found.groups() if part]
    hours = [int(part or 0) for part in clock.groups()] if clock else []
    try:
        return datetime.datetime(*parts, *hours)  # type: ignore[arg-type] # noqa: DTZ001 - made aware by the caller
    except ValueError as error:
        raise ValueError(f"“{text}”不是存在的日期") from error


def _choice(path: Path, text: str) -> str:
    for value, label in path.choices:
        if text in (value, label) or narrow(text) == narrow(label):
            return value
    raise ValueError(f"“{text}”不在可选项内（{'、'.join(label for _, label in path.choices[:12])}）")
