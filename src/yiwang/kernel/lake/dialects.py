"""How the two engines spell the same thing. DuckDB 2 and Spark SQL 4 (ANSI mode); nothing here reads data."""

from dataclasses import dataclass
from datetime import date, datetime

FULL_WIDTH = "".join(map(chr, range(0xFF01, 0xFF5F)))
HALF_WIDTH = "".join(map(chr, range(0x21, 0x7F)))
FULL_WIDTH_CLASS = "[！-～\u3000]"
UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Dialect:
    """Pieces of SQL in, a piece of SQL out. Patterns are those of `patterns.portable`."""

    name: str

    @property
    def spark(self) -> bool:
        return self.name == "spark"

    def identifier(self, name: str) -> str:
        return f"`{name.replace('`', '``')}`" if self.spark else '"' + name.replace('"', '""') + '"'

    def text(self, value: str) -> str:
        if self.spark:
            # Spark puts variables of its process for ${…} into the whole query, into texts too, unless it reads no "${".
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "$\\u007b") + "'"
        return "'" + value.replace("'", "''") + "'"

    def literal(self, value: object) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, float):
            written = repr(value)
            return written if "e" in written else f"{written}e0"
        if isinstance(value, datetime):
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        if isinstance(value, date):
            return f"DATE '{value.isoformat()}'"
        return str(value) if isinstance(value, int) else self.text(str(value))

    def double(self, sql: str) -> str:
        return f"CAST({sql} AS DOUBLE)"

    def matches(self, sql: str, pattern: str) -> str:
        """The whole text fits the pattern."""
        if self.spark:
            anchored = f"^(?:{pattern})\\z"
            return f"({sql} RLIKE {self.text(anchored)})"
        return f"regexp_full_match({sql}, {self.text(pattern)})"

    def finds(self, sql: str, pattern: str) -> str:
        return f"({sql} RLIKE {self.text(pattern)})" if self.spark else f"regexp_matches({sql}, {self.text(pattern)})"

    def extract(self, sql: str, pattern: str, group: int) -> str:
        """The group's text; empty when the pattern is not found."""
        return f"regexp_extract({sql}, {self.text(pattern)}, {group})"

    def substitute(self, sql: str, pattern: str, by: str) -> str:
        """Every occurrence replaced by a fixed text."""
        options = "" if self.spark else ", 'g'"
        return f"regexp_replace({sql}, {self.text(pattern)}, {self.text(by)}{options})"

    def translate(self, sql: str, old: str, new: str) -> str:
        return f"translate({sql}, {self.text(old)}, {self.text(new)})"

    def integer(self, sql: str) -> str:
        """BIGINT, or NULL when the text is no number."""
        return f"TRY_CAST({sql} AS BIGINT)"

    def divide(self, dividend: str, divisor: int) -> str:
        """Integer quotient of a number that is not negative."""
        return f"({dividend} DIV {divisor})" if self.spark else f"({dividend} // {divisor})"

    def day(self, sql: str) -> str:
        """A date from text YYYY-MM-DD, or NULL."""
        return f"TRY_CAST({sql} AS DATE)"

    def ascii(self, sql: str) -> str:
        """Whether every sign is one byte: far cheaper than any pattern."""
        return f"{'octet_length' if self.spark else 'strlen'}({sql}) = length({sql})"

    def half_width(self, sql: str) -> str:
        """Full-width signs as ASCII; text without any is not touched, because translating is the slow part."""
        changed = self.translate(sql, FULL_WIDTH + "\u3000", HALF_WIDTH + " ")
        return f"CASE WHEN {self.ascii(sql)} THEN {sql} WHEN {self.finds(sql, FULL_WIDTH_CLASS)} THEN {changed} ELSE {sql} END"


DUCKDB, SPARK = Dialect("duckdb"), Dialect("spark")
