"""Every door shows a value in the same form: the gateway, files and pushed tables, protection's own, a return sheet."""

import csv
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.data.governance import queries as governance
from yiwang.data.protection import contract as protection
from yiwang.data.sharing.gateway import reading
from yiwang.data.sharing.gateway.reading import Wish
from yiwang.data.sharing.services import lakeside
from yiwang.data.sharing.services.grants import _form
from yiwang.kernel.crypto.masks import FORMS, STARS, in_form

VALUES = st.one_of(
    st.sampled_from(["王小明", "13812345678", "450205199001011234", "wang@liubei.gov.cn", "6222021234567890123", "E12345678", "桂B12345",
                     "1990-01-31", "91450200MA5K12345X", "柳州市某某贸易有限公司", "8500.5", "109.41,24.31", "住院三天"]),
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30).filter(lambda text: text != lakeside.NULL),
)  # fmt: skip


def gateway(form: str, text: str) -> Any:
    entry: Any = SimpleNamespace(keys=("id",), shown=("value",), masks={"value": form}, marks={})
    rows, _ = reading.shown(entry, Wish(("value",), None, 1, ()), [("1", text)])
    return rows[0]["value"]


def handed(form: str, text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerow(["1", text])
        made = lakeside._masked(path, Path(folder) / "masked.csv", ["id", "value"], {"value": form})
        with made.open(encoding="utf-8", newline="") as lines:
            return next(csv.reader(lines))[1]


@given(st.sampled_from([*sorted(FORMS), "hidden"]), VALUES)
def test_同一值在每扇门都是一个样子(form: str, text: str) -> None:
    shown = in_form(form, text)
    assert gateway(form, text) == handed(form, text) == governance._seen(text, form, plain=False) == shown
    if form in protection.SensitiveKind.values:
        assert protection.mask(form, protection.Method.MASK, text) == shown
    kind, coarse, _ = form.partition("_coarse")
    if coarse:
        assert protection.mask(kind, protection.Method.GENERALISE, text) == shown


@pytest.mark.django_db  # the key of pseudonyms is kept
@given(
    st.sampled_from(protection.SensitiveKind.values),
    st.sampled_from([each for each in protection.Method.values if each != "plain"]),
    VALUES,
)
def test_授权的遮盖就是规则的样子_网关做不出的什么也不显示(kind: str, method: str, text: str) -> None:
    form = _form(kind, method)
    by_rule = protection.mask(kind, method, text)
    keyless = method in (protection.Method.MASK, protection.Method.GENERALISE, protection.Method.REPLACE)
    assert gateway(form, text) == (by_rule if keyless else STARS)
