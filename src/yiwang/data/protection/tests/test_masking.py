"""A value as it leaves."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.data.protection.services.masking import HIDDEN, apply
from yiwang.data.protection.terms import Method
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.keys import services as renewal
from yiwang.kernel.keys.models import forget
from yiwang.standards.sensitive import SensitiveKind

# Pseudonyms and noise read the keys kept for them.
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "method", "value", "shown"),
    [
        ("name", "mask", "张三丰", "张**"), ("phone", "mask", "13812345678", "138****5678"),
        ("id_number", "mask", "450205199001011234", "450205********1234"), ("email", "mask", "wang@liubei.gov.cn", "w****@liubei.gov.cn"),
        ("plate", "mask", "桂B12345", "桂B****5"), ("birthday", "mask", "1990-01-31", "1990年"), ("health", "mask", "糖尿病", HIDDEN),
        ("birthday", "generalise", "1990/1/31", "1990年"), ("id_number", "generalise", "450205199001011234", "450205（1990年生）"),
        ("address", "generalise", "柳州市柳北区胜利路12号", "柳州市柳北区"), ("finance", "generalise", "8,500", "1000～10000"),
        ("finance", "generalise", "0.5", "1 以下"), ("finance", "generalise", "约八千", HIDDEN), ("name", "generalise", "张三", HIDDEN),
        ("name", "replace", "张三", HIDDEN), ("finance", "perturb", "NaN", HIDDEN), ("birthday", "perturb", "1990年", HIDDEN),
        ("name", "plain", " 张三 ", "张三"), ("name", "mask", "", ""), ("finance", "generalise", "Infinity", HIDDEN),
    ],
)  # fmt: skip
def test_each_method_on_each_kind(kind: str, method: str, value: str, shown: str) -> None:
    assert apply(kind, method, value) == shown


def test_nothing_stays_nothing() -> None:
    assert apply("name", "mask", None) is None


def test_a_method_that_does_not_exist_lets_nothing_out() -> None:
    with pytest.raises(Invalid, match="没有名为“maks”的脱敏方式"):
        apply("name", "maks", "张三")


def test_a_pseudonym_joins_rows_of_one_recipient_and_not_of_two() -> None:
    one = apply("id_number", "pseudonym", "450205199001011234", "grant-1")
    assert one == apply("id_number", "pseudonym", "450205199001011234", "grant-1")
    assert one != apply("id_number", "pseudonym", "450205199001011234", "grant-2")
    assert re.fullmatch("id_number-[0-9a-f]{24}", one or "")


def test_a_renewed_key_changes_no_pseudonym_and_no_noise(settings: Any) -> None:
    given = (("id_number", "pseudonym", "450205199001011234", "grant-1"), ("finance", "perturb", "8500", "grant-1"))
    before = [apply(*each) for each in given]
    renewal.keep_derived()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the-second-secret-of-the-site", [settings.SECRET_KEY]
    renewal.renew()
    settings.SECRET_KEY_FALLBACKS = []
    forget()
    assert [apply(*each) for each in given] == before
    forget()


def test_noise_is_small_and_the_same_each_time() -> None:
    amounts = [float(apply("finance", "perturb", str(amount), "g") or 0) for amount in range(1000, 1100)]
    assert amounts == [float(apply("finance", "perturb", str(amount), "g") or 0) for amount in range(1000, 1100)]
    assert all(abs(shown - real) <= real * 0.05 + 0.01 for real, shown in zip(range(1000, 1100), amounts, strict=True))
    assert len(set(amounts)) > 50


@given(st.sampled_from(SensitiveKind.values), st.sampled_from([method for method in Method.values if method != "plain"]),
       st.text(min_size=6, max_size=40))  # fmt: skip
def test_no_method_but_plain_lets_a_value_through(kind: str, method: str, value: str) -> None:
    text = value.strip()
    shown = apply(kind, method, value)
    assert shown != text or not text.strip("*·• ")
