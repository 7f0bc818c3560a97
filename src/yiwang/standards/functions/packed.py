"""Digits packed four bits each, for DuckDB: a hexadecimal cast reads sixteen signs at once, and sums over all of them
are a few bit operations. Nothing here may fail: DuckDB computes the parts of a condition in an order of its own.
"""

from collections.abc import Iterable

# Every second group of 4, 8 and 16 bits.
HALVES = (0x0F0F0F0F0F0F0F0F, 0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF)
SIXTEEN = 0x1000000000000000
ONES = 0x1111111111111111


def digits_sql(text: str, start: int) -> str:
    """Sixteen signs as UBIGINT; NULL when they are no number."""
    return f"TRY_CAST('0x' || substr({text}, {start}, 16) AS UBIGINT)"


def decimal_sql(packed: str, written: str) -> str:
    """Whether all sixteen were decimal digits. A cast passes over blanks and underscores, which shows in the size unless
    the first digit is 0: then `written`, a condition on the text, is asked."""
    above_nine = f"({packed} >> 3) & (({packed} >> 2) | ({packed} >> 1)) & {ONES}::UBIGINT"
    return f"({above_nine}) = 0 AND ({packed} >= {SIXTEEN}::UBIGINT OR {written})"


def in_twos_sql(packed: str) -> str:
    """The digits read to the base of two instead of ten: d16 + 2 d15 + 4 d14 …, as BIGINT."""
    value = packed
    for width, mask in zip((4, 8, 16), HALVES, strict=True):
        value = f"(({value} & {mask}::UBIGINT) + (({value} >> {width}) & {mask}::UBIGINT) * {1 << width // 4}::UBIGINT)"
    return f"CAST(({value} & 4294967295::UBIGINT) + ({value} >> 32) * 256::UBIGINT AS BIGINT)"


def group_sql(packed: str, last: int, count: int = 4) -> str:
    """The `count` digits up to the `last` (1 to 16), still packed, as INT."""
    return f"CAST(({packed} >> {4 * (16 - last)}) & {(1 << 4 * count) - 1} AS INT)"


def number_sql(group: str) -> str:
    """A group of four as the number that was written."""
    return f"(({group} >> 12) * 1000 + ({group} >> 8 & 15) * 100 + ({group} >> 4 & 15) * 10 + ({group} & 15))"


def packed(number: int) -> int:
    return int(str(number), 16)


def member_sql(group: str, size: int, members: Iterable[int]) -> str:
    """Whether a group is one of some numbers: one bit of a constant of `size` (a power of two) bits."""
    wanted = {packed(member) for member in members}
    bits = "".join("01"[place in wanted] for place in range(size))
    return f"({group} < {size} AND get_bit('{bits}'::BIT, {group} & {size - 1}) = 1)"
