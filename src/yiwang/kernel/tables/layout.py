"""Where the table is on a sheet: titles above it, the header (of up to three rows), rows that are no data, notes below."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from yiwang.kernel.tables.headers import Expected, Mapped, core, match, plain

SEARCHED, DEPTH = 30, 3
TOTALS = frozenset(
    {"合计", "小计", "总计", "共计", "累计", "本页合计", "本页小计", "total", "subtotal", "合计数", "总合计"}
)
TOTAL_END = re.compile(r"(合计|小计|总计|共计)[:：]?$")
NOTE = re.compile(
    r"^\s*[（(【\[]?\s*(注|备注|说明|附注|填表|填报|制表|审核|复核|单位负责人|负责人|联系人|联系电话|报送|统计|数据来源|资料来源|打印)"
)
SENTENCE = re.compile(r"[。；，：:;,]")
NUMBERED = re.compile(r"^[（(]?(\d{1,3}|[甲乙丙丁戊己庚辛])[)）]?$")
NUMERIC = re.compile(r"^[-+]?[\d,，.．%％]+$")
KEPT_TEXT, KEPT_ROWS = 120, 200


@dataclass(frozen=True)
class Header:
    """row, depth: where the header stands (from 1). ways: column (from 1) → readings of its title."""

    row: int
    depth: int
    ways: dict[int, tuple[str, ...]]
    mapped: Mapped
    hits: int

    @property
    def first_data(self) -> int:
        """Index (from 0) of the first row after the header."""
        return self.row - 1 + self.depth


@dataclass(frozen=True)
class Skipped:
    """A row that is not data: its number on the sheet, why, and how it begins."""

    row: int
    why: str
    text: str


@dataclass
class Skips:
    """Rows left out, counted by reason; the first ones are kept to be shown."""

    counts: dict[str, int] = field(default_factory=dict)
    rows: list[Skipped] = field(default_factory=list)

    def add(self, row: int, why: str, line: Sequence[str]) -> None:
        self.counts[why] = self.counts.get(why, 0) + 1
        if why != "空行" and len(self.rows) < KEPT_ROWS:
            text = "  ".join(cell.strip() for cell in line if cell.strip())
            self.rows.append(Skipped(row, why, text[:KEPT_TEXT]))


def find_header(rows: Sequence[Sequence[str]], expected: Sequence[Expected]) -> Header | None:
    """The rows whose titles meet most expected fields; without any hit the first row that looks like titles."""
    best: Header | None = None
    for start in range(min(SEARCHED, len(rows))):
        if not any(cell.strip() for cell in rows[start]):
            continue
        for depth in range(1, min(DEPTH, len(rows) - start) + 1):
            if depth > 1 and _is_data(rows[start + depth - 1]):
                break
            ways = _ways(rows[start : start + depth])
            mapped = match(ways, expected)
            hits = sum(found.certain for found in mapped.matches.values())
            if best is None or (hits, -depth) > (best.hits, -best.depth):
                best = Header(start + 1, depth, ways, mapped, hits)
    if best is None or best.hits:
        return best
    return _by_looks(rows, expected)


def _by_looks(rows: Sequence[Sequence[str]], expected: Sequence[Expected]) -> Header | None:
    """Nothing is known of the titles: the first row as wide as the table's usual row, without numbers."""
    widths = [sum(bool(cell.strip()) for cell in row) for row in rows[:SEARCHED]]
    usual = max(widths, default=0)
    for index, width in enumerate(widths):
        if width * 2 > usual and width > min(1, usual - 1) and not _is_data(rows[index]):
            ways = _ways(rows[index : index + 1])
            return Header(index + 1, 1, ways, match(ways, expected), 0)
    return None


def _is_data(row: Sequence[str]) -> bool:
    """A row with numbers or dates is no header; a row of column numbers isn't either."""
    return any(NUMERIC.match(cell.strip()) or re.match(r"^\d{4}[-/年]", cell.strip()) for cell in row if cell.strip())


def _ways(block: Sequence[Sequence[str]]) -> dict[int, tuple[str, ...]]:
    """Readings of each column's title: the whole path, the last part, the parts joined the other usual ways."""
    found: dict[int, tuple[str, ...]] = {}
    for index in range(max(map(len, block))):
        parts: list[str] = []
        for row in block:
            cell = " ".join(row[index].split()) if index < len(row) else ""
            if cell and (not parts or parts[-1] != cell):
                parts.append(cell)
        if parts:
            readings = ["".join(parts), parts[-1], "-".join(parts), "".join(reversed(parts))]
            found[index + 1] = tuple(dict.fromkeys(readings))
    return found


def data_rows(
    rows: Sequence[list[str]], bare: Sequence[list[str]], header: Header, columns: Sequence[int]
) -> tuple[list[tuple[int, list[str]]], Skips]:
    """(sheet row, cells) of what is data, and what was left out. `columns` (from 1) are those that hold fields."""
    skips = Skips()
    titles = {column: plain(ways[-1]) for column, ways in header.ways.items()}
    end, words = _notes_begin(bare, header, columns), {*TOTALS, *titles.values()}
    found = []
    for index in range(header.first_data, len(rows)):
        if header.first_data < index < end and _surely(bare[index], words, len(titles)):
            found.append((index + 1, rows[index]))
            continue
        why = (
            "表下附注"
            if index >= end and any(bare[index])
            else _why_not(bare[index], titles, columns, index == header.first_data)
        )
        if not why and index >= end:
            why = "空行"
        if why:
            skips.add(index + 1, why, bare[index])
        else:
            found.append((index + 1, rows[index]))
    return found, skips


def _notes_begin(bare: Sequence[list[str]], header: Header, columns: Sequence[int]) -> int:
    """Index of the first of the trailing rows that are notes: one cell of words, or cells that read 名称：内容."""
    end = len(bare)
    while end > header.first_data:
        filled = [cell.strip() for cell in bare[end - 1] if cell.strip()]
        if filled and not _is_note(filled, len(columns)):
            break
        end -= 1
    return end


def _is_note(filled: list[str], width: int) -> bool:
    if NOTE.match(filled[0]) and (len(filled) <= 2 or all("：" in cell or ":" in cell for cell in filled)):
        return True
    return width > 2 and len(filled) == 1 and len(filled[0]) > 12 and bool(SENTENCE.search(filled[0]))


def _surely(line: Sequence[str], words: set[str], titled: int) -> bool:
    """Seen sooner of nearly every row of data: its first two cells are filled and say neither a total nor a title."""
    if not 1 < len(line) <= titled or not line[1].strip():
        return False
    said = plain(line[0])
    return bool(said) and said not in words and "计" not in said and plain(line[1]) not in TOTALS


def _why_not(line: Sequence[str], titles: dict[int, str], columns: Sequence[int], first: bool) -> str:
    """Why a row is not data; empty when it is."""
    filled = [*filter(None, map(str.strip, line))]
    if not filled:
        return "空行"
    said = plain(filled[0])
    if said in TOTALS or (len(filled) > 1 and plain(filled[1]) in TOTALS):
        return "合计行"
    if (
        len(filled) <= max(1, len(columns) // 2) + 1
        and TOTAL_END.search(core(filled[0]))
        and all(map(NUMERIC.match, filled[1:]))
    ):
        return "合计行"
    # Where every column has a title, a row that begins with none of them says none again.
    if (len(titles) < len(line) or said in titles.values()) and _repeats(line, titles):
        return "重复表头"
    if (
        first
        and len(filled) > 1
        and all(map(NUMBERED.match, filled))
        and len(set(filled)) == len(filled) > len(columns) // 2
    ):
        return "栏次行"
    if len(filled) == 1 and len(columns) > 1 and NOTE.match(filled[0]):
        return "表中附注"
    return ""


def _repeats(line: Sequence[str], titles: dict[int, str]) -> bool:
    """Whether two cells or more say the titles again and none says anything else; most rows differ in their first."""
    same = 0
    for column, title in titles.items():
        if column <= len(line) and line[column - 1].strip():
            if plain(line[column - 1]) != title:
                return False
            same += 1
    return same > 1
