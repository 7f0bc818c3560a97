"""Codes of the orgs room."""

from yiwang.kernel.access.actors import Invalid

REGION_LENGTHS = (2, 4, 6, 9, 12)


def significant(code: str) -> str:
    """区划代码 without its filling zeros (GB/T 2260 six digits, 统计用区划代码 twelve)."""
    digits = code.strip()
    if not digits.isdecimal() or len(digits) not in REGION_LENGTHS:
        raise Invalid(f"区划代码“{code}”不合规：应为 2、4、6、9 或 12 位数字。", rule="GB/T 2260、GB/T 10114")
    shorter = [length for length in REGION_LENGTHS if not digits[length:].strip("0")]
    return digits[: min(shorter)]
