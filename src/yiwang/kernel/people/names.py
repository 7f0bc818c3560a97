"""Pinyin of a personal name, for sorting and for refusing it in passwords.

The dictionaries are loaded with the first name, not when the platform starts (docs/adr/0007-start-up.md).
"""

from importlib import import_module

# Surnames read otherwise than the same character elsewhere.
SURNAMES = {
    "单": "shan", "仇": "qiu",
    "区": "ou", "查": "zha", "解": "xie", "曾": "zeng", "任": "ren", "盖": "ge", "朴": "piao",
    "尉迟": "yu chi", "万俟": "mo qi", "尹": "yin", "华": "hua", "翟": "zhai", "覃": "qin", "乐": "yue", "员": "yun",
    "缪": "miao", "宓": "mi", "冼": "xian", "召": "shao", "折": "she", "繁": "po", "种": "chong", "晁": "chao",
}  # fmt: skip


def pinyin(name: str) -> str:
    """Syllables apart: 单小红 → shan xiao hong."""
    clean, lazy_pinyin = "".join(name.split()), import_module("pypinyin").lazy_pinyin
    for length in (2, 1):
        reading = SURNAMES.get(clean[:length])
        if reading:
            return " ".join([reading, *lazy_pinyin(clean[length:])])
    return " ".join(lazy_pinyin(clean))
