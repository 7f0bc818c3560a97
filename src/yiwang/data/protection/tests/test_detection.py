"""What a column holds, from its name and from what stands in it."""

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.data.protection.services.detection import NAMES, VALUES, Sampled, detect, detect_all, kinds
from yiwang.kernel.lake import functions
from yiwang.standards.functions.persons import check_character
from yiwang.standards.sensitive import SensitiveKind

pytestmark = pytest.mark.django_db


def identities(count: int, seed: int = 1) -> list[str]:
    random_ = random.Random(seed)
    found = []
    for _ in range(count):
        day = date(1950, 1, 1) + timedelta(days=random_.randrange(20000))
        seventeen = f"450205{day:%Y%m%d}{random_.randrange(1000):03d}"
        found.append(seventeen + check_character(seventeen))
    return found


def phones(count: int) -> list[str]:
    return [f"138{number:08d}" for number in range(count)]


PEOPLE = ["张伟", "王芳", "李娜", "刘洋", "陈静", "杨帆", "赵敏", "黄磊", "周杰", "吴刚"] * 5
HOMES = [f"柳北区胜利路{number}号{number % 9 + 1}栋{number % 6 + 101}室" for number in range(50)]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("身份证号", "id_number"), ("公民身份号码", "id_number"), ("联系电话", "phone"), ("法定代表人姓名", "name"), ("户籍地址", "address"),
        ("电子邮箱", "email"), ("银行卡号", "bank_card"), ("工资账户", "account"), ("护照号码", "document"), ("港澳通行证号", "document"), ("工作单位", "organisation"), ("就读学校", "organisation"), ("号牌号码", "plate"), ("出生日期", "birthday"), ("残疾等级", "health"),
        ("人脸图像", "biometric"), ("宗教信仰", "belief"), ("是否低保", "status"), ("监护人关系", "minor"), ("缴费基数", "finance"),
        ("单位名称", ""), ("企业名称", ""), ("证件类型", ""), ("通话次数", ""), ("许可证编号", ""), ("宗教活动场所名称", ""), ("出生地", ""),
        ("病床数量", ""), ("低保标准", ""), ("项目预算收入合计", ""), ("法人单位电话类型", ""), ("所在单位性质", ""), ("统一社会信用代码", ""), ("办理意见", ""), ("护照有效期", ""),
    ],
)  # fmt: skip
def test_a_title_speaks_for_a_kind_and_its_lookalike_does_not(title: str, kind: str) -> None:
    assert detect(Sampled("c1", title, ())).kind == kind


@pytest.mark.parametrize(
    ("name", "kind"), [("id_card", "id_number"), ("mobile", "phone"), ("full_name", "name"), ("hotel", "")]
)
def test_an_english_name_speaks_when_the_title_says_nothing(name: str, kind: str) -> None:
    assert detect(Sampled(name, "字段一", ())).kind == kind


def test_values_alone_unmask_a_harmless_name() -> None:
    found = detect(Sampled("bz1", "备用字段", identities(40) + [None] * 10))
    assert (found.kind, found.confidence) == ("id_number", 0.85)
    assert "40 个非空值中 100%" in found.evidence[0].sentence
    assert detect(Sampled("bz2", "备用字段", phones(40))).kind == "phone"
    assert detect(Sampled("bz3", "说明", HOMES)).kind == "address"


def test_name_and_values_together_are_surer_than_either() -> None:
    both = detect(Sampled("sfz", "身份证号", identities(40))).confidence
    assert (
        both
        > 0.95
        > detect(Sampled("x", "备用", identities(40))).confidence
        > detect(Sampled("sfz", "身份证号", ())).confidence
    )


def test_values_overrule_a_wrong_name() -> None:
    found = detect(Sampled("tel", "联系电话", identities(40)))
    assert found.kind == SensitiveKind.ID_NUMBER
    assert {each.source for each in found.evidence} == {"values", "name"}


def test_a_name_that_the_values_contradict_is_not_proposed() -> None:
    found = detect(Sampled("phone", "手机", ["是", "否"] * 30))
    assert found.confidence == 0.3
    assert "都不是电话号码" in found.evidence[1].sentence
    assert kinds([found]) == {}


def test_numbers_hidden_in_free_text_are_found() -> None:
    texts = [f"来电人称其证件为{number}，请核实" for number in identities(5)] + ["无"] * 45
    found = detect(Sampled("memo", "办理意见", texts))
    assert found.kind == SensitiveKind.ID_NUMBER
    assert "夹有证件或手机号码" in found.evidence[0].sentence


def test_names_of_persons_are_told_from_names_of_things() -> None:
    assert detect(Sampled("n", "负责人", PEOPLE)).confidence > 0.95
    assert detect(Sampled("n", "品名", ["螺纹钢", "水泥", "黄沙", "白灰", "石子"] * 10)).kind == ""


def test_a_bank_card_is_told_by_its_check_digit_whatever_its_column_is_called() -> None:
    cards = [f"622202123456789{number:04d}" for number in range(1000)]
    passing = [text for text in cards if functions.named("bank_card_ok")(text)][:40]  # type: ignore[misc]
    assert detect(Sampled("acc", "工资账户", passing)).kind == SensitiveKind.BANK_CARD
    assert detect(Sampled("x", "备用", passing)).kind == SensitiveKind.BANK_CARD
    assert detect(Sampled("x", "备用", cards[:40])).kind == ""


def test_free_text_is_proposed_by_its_length_and_not_by_its_name_alone() -> None:
    told = [f"群众反映第{number}号楼夜间施工噪声扰民，已现场核实并要求整改" for number in range(40)]
    found = detect(Sampled("memo", "办理情况", told))
    assert found.kind == SensitiveKind.TEXT and "各不相同" in found.evidence[0].sentence
    assert detect(Sampled("memo", "办理情况", ["已办结", "办理中"] * 20)).kind == ""
    assert detect(Sampled("memo", "办理情况", told[:1] * 40)).kind == ""
    assert detect(Sampled("name", "名称", told)).kind == ""


def test_the_code_of_a_unit_tells_of_a_person_only_beside_the_persons_unit() -> None:
    code, unit = Sampled("uscc", "统一社会信用代码", ()), Sampled("unit", "工作单位", ())
    firm = Sampled("firm", "企业名称", ())
    assert [each.kind for each in detect_all([code, firm])] == ["", ""]
    assert [each.kind for each in detect_all([code, unit, firm])] == [
        SensitiveKind.USCC,
        SensitiveKind.ORGANISATION,
        "",
    ]


def test_every_kind_that_has_a_mask_can_be_proposed() -> None:
    """A mask nobody proposes is used by nobody; kinds are told by name, by values or by their neighbours."""
    named = {kind for kind, _, _ in NAMES} | {kind for kind, *_ in VALUES} | {SensitiveKind.TEXT, SensitiveKind.USCC}
    assert set(SensitiveKind) <= named | {SensitiveKind.ADDRESS}


def test_few_values_prove_nothing() -> None:
    assert detect(Sampled("bz", "备用", identities(5))).kind == ""


@given(st.lists(st.none() | st.text(max_size=40), max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_any_values_and_names_have_an_answer(values: list[str | None], name: str, title: str) -> None:
    found = detect(Sampled(name, title, values))
    assert 0 <= found.confidence <= 1
    assert bool(found.kind) == bool(found.evidence)
