"""RFC 6238 appendix B and what must never match."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.people import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
        (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_标准向量(at, expected):
    assert totp.code(SECRET, at // 30) == expected[-6:]


@given(step=st.integers(4, 10**9), drift=st.integers(-4, 4), last=st.integers(-3, 3))
def test_只认前后一步且不重用(step, drift, last):
    given_code = totp.code(SECRET, step + drift)
    found = totp.matching_step(SECRET, given_code, step * 30 + 7, step + last)
    assert found is None or (abs(found - step) <= 1 and found > step + last and totp.code(SECRET, found) == given_code)
    if abs(drift) <= 1 and drift > last:
        assert found is not None


@pytest.mark.parametrize("given_code", ["", "12345", "1234567", "１２３４５６", "abcdef", "'; --"])
def test_坏口令不匹配也不出错(given_code):
    assert totp.matching_step(SECRET, given_code, 59, 0) is None


def test_绑定地址可被应用识别():
    address = totp.address("ABC", "zhang", "一网")
    assert address.startswith("otpauth://totp/%E4%B8%80%E7%BD%91%3Azhang?secret=ABC&issuer=%E4%B8%80%E7%BD%91")


def test_密钥随机():
    assert len({totp.new_secret() for _ in range(50)}) == 50
    assert len(base64.b32decode(totp.new_secret())) == 20
