"""Password rules and the pinyin they refuse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.people.models import Account, Person
from yiwang.kernel.people.names import pinyin
from yiwang.kernel.people.passwords import one_time, problems
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import change_password
from yiwang.kernel.people.testing import PASSWORD, Town


def nobody() -> Account:
    return Account(username="zhangxh", person=Person(name="张小红", pinyin="zhang xiao hong", staff_number="A1077"))


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("Ab3-efgh", "长度"), ("A1-" + "x" * 126, "长度"), ("abcdefghij1", "类"), ("ABCDEFGHIJ-", "类"),
        ("Xx-zhangxh-9", "账号"), ("ZhangXiaoHong-1", "姓名拼音"), ("Good-a1077-Word", "工号"), ("1qaz2wsx3edc4rfv", "类"),
    ],
)  # fmt: skip
def test_不合规的密码逐条说明(password, rule):
    assert any(rule in found for found in problems(password, nobody()))


def test_常见密码被拒():
    assert any("常见" in found for found in problems("Password123", nobody()) + problems("Qwerty1234", nobody()))


@pytest.mark.parametrize("password", [PASSWORD, "紫色-Giraffe 42", "correct horse Battery 9"])
def test_合规的密码无问题(password):
    assert problems(password, nobody()) == []


@settings(max_examples=30)
@given(st.integers())
def test_一次性密码总合规(_):
    assert problems(one_time(), nobody()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("张小红", "zhang xiao hong"), ("单雄信", "shan xiong xin"), ("仇英", "qiu ying"), ("尉迟恭", "yu chi gong"),
        ("曾 国藩", "zeng guo fan"), ("欧阳修", "ou yang xiu"),
    ],
)  # fmt: skip
def test_姓氏读音(name, expected):
    assert pinyin(name) == expected


@pytest.mark.django_db
def test_最近五次用过的密码不能再用_第六次可以():
    account = Town().account("张三")
    used = [PASSWORD]
    for number in range(5):
        for old in used[-5:]:
            with pytest.raises(Invalid):
                change_password(actor_of(account), used[-1], old)
        used.append(f"Another-Good-{number}")
        change_password(actor_of(account), used[-2], used[-1])
    assert change_password(actor_of(account), used[-1], PASSWORD).check_password(PASSWORD)
    assert account.former_passwords.count() == 4
