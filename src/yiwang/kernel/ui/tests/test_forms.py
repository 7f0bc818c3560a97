"""Flow fields as forms: each kind is checked, shown, and stored as a plain value."""

from typing import Any

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.template import Context, Template
from django.test.html import parse_html
from django.utils.datastructures import MultiValueDict

from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.orgs.models import Organisation, Post
from yiwang.kernel.ui.forms import FlowForm, Select, SelectMultiple, flow_form

pytestmark = pytest.mark.django_db


@pytest.fixture
def bureau() -> Organisation:
    return Organisation.objects.create(code="B1", name="城市管理局", path="/1/")


def _fill(fields: tuple[Field, ...], query: str, files: Any = None, **options: Any) -> FlowForm:
    return flow_form(fields, **options)(QueryDict(query), files)


@pytest.mark.parametrize(
    ("kind", "entered", "stored"),
    [
        ("text", "甲", "甲"),
        ("long_text", "一%0A二", "一\n二"),
        ("integer", "12", 12),
        ("decimal", "3.10", "3.10"),
        ("date", "2026-02-28", "2026-02-28"),
        ("datetime", "2026-02-28T09:30", "2026-02-28T09:30:00+08:00"),
        ("boolean", "true", True),
        ("boolean", "false", False),
    ],
)
def test_各种字段存为朴素值(kind: Any, entered: str, stored: object) -> None:
    form = _fill((Field("f", "字段", kind, required=True),), f"f={entered}")
    assert form.is_valid(), form.errors
    assert form.data_of() == {"f": stored}


@pytest.mark.parametrize(
    ("kind", "entered"),
    [
        ("integer", "十二"),
        ("integer", "99999999999999999999"),
        ("decimal", "1e"),
        ("date", "2026-02-30"),
        ("datetime", "昨天"),
        ("choice", "c"),
        ("text", ""),
    ],
)
def test_错误输入给出中文句子(kind: Any, entered: str) -> None:
    form = _fill((Field("f", "字段", kind, required=True, choices=(("a", "甲"), ("b", "乙"))),), f"f={entered}")
    assert not form.is_valid()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in form.problems()["f"][0])


def test_未填的可选字段不写入数据() -> None:
    form = _fill(
        (Field("a", "甲"), Field("b", "乙", "organisations"), Field("c", "丙", "file"), Field("d", "未问", "boolean")),
        "a=&opinion=%20同意%20",
    )
    assert form.is_valid(), form.errors
    assert form.data_of() == {} and form.files_of() == [] and form.opinion_of() == "同意"


def test_意见必填时不能为空() -> None:
    form = _fill((), "opinion=%20", opinion_required=True)
    assert not form.is_valid() and "opinion" in form.problems()


def test_选择机构只接受存在的机构且单选只收一个(bureau: Organisation) -> None:
    other = Organisation.objects.create(code="B2", name="住建局", path="/2/")
    one, many = (Field("to", "单位", "organisation"),), (Field("to", "单位", "organisations"),)
    assert _chosen(one, f"to={bureau.pk}") == {"to": bureau.pk}
    assert _chosen(many, f"to={bureau.pk}&to={other.pk}") == {"to": [bureau.pk, other.pk]}
    assert not _fill(one, f"to={bureau.pk}&to={other.pk}").is_valid()
    for bad in ("999999", "abc", "-1", "１２", "9" * 40):
        assert not _fill(one, f"to={bad}").is_valid()


def _chosen(fields: tuple[Field, ...], query: str) -> dict[str, Any]:
    form = _fill(fields, query)
    assert form.is_valid(), form.errors
    return form.data_of()


def test_选择岗位连同机构显示(bureau: Organisation) -> None:
    post = Post.objects.create(organisation=bureau, code="P1", name="科长")
    form = flow_form((Field("to", "岗位", "post"),))(QueryDict(f"to={post.pk}"))
    text = Template('{% include "ui/field.html" with field=form.to %}').render(Context({"form": form}))
    assert "城市管理局 · 科长" in text and f'value="{post.pk}"' in text and "/pick/post/" in text


def test_附件单列() -> None:
    files = MultiValueDict({"proof": [SimpleUploadedFile("a.pdf", b"1"), SimpleUploadedFile("b.pdf", b"2")]})
    form = _fill((Field("proof", "佐证", "files", required=True),), "", files)
    assert form.is_valid(), form.errors
    assert [(name, upload.name) for name, upload in form.files_of()] == [("proof", "a.pdf"), ("proof", "b.pdf")]
    assert form.data_of() == {}
    assert not _fill((Field("proof", "佐证", "files", required=True),), "").is_valid()


@pytest.mark.parametrize("kind", ["text", "long_text", "boolean", "choice", "date", "organisation", "files"])
def test_字段模板有标签错误和说明(kind: Any) -> None:
    spec = Field("f", "<字段>", kind, required=True, help="如实填写", choices=(("a", "甲"), ("b", "乙")))
    form = _fill((spec,), "")
    assert not form.is_valid()
    text = Template('{% include "ui/field.html" with field=form.f %}').render(Context({"form": form}))
    assert "&lt;字段&gt;" in text and "如实填写" in text and "has-error" in text and 'id="id_f_error"' in text
    assert "<label" in text or "<legend" in text


@pytest.mark.parametrize(
    ("ours", "djangos", "value"),
    [
        (Select, forms.Select, "b"), (Select, forms.Select, None), (Select, forms.Select, ""),
        (SelectMultiple, forms.SelectMultiple, ["a", "<x>"]), (SelectMultiple, forms.SelectMultiple, []),
    ],
)  # fmt: skip
def test_下拉框一次写成_与逐项的模板意思相同_标签转义(ours, djangos, value):
    choices = [("", "全部"), ("a", "甲<b>"), ("b", "乙“&”"), ("<x>", '"丙"')]
    attrs = {"id": "id_x", "required": True, "title": '"<'}
    made, wanted = (kind(choices=choices).render("x", value, attrs) for kind in (ours, djangos))
    assert parse_html(made) == parse_html(wanted)
    assert "<b>" not in made and ("selected" in made) == (value != [])
