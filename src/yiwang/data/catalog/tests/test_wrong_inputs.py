"""Three wrong inputs and more at every field of the catalogue's forms, its import and its review: a sentence, nothing kept."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from yiwang.data.catalog.models import Resource
from yiwang.data.catalog.terms import DESCRIPTION_FIELDS, ITEM_FIELDS
from yiwang.data.catalog.tests.world import District
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.people.models import Account

pytestmark = pytest.mark.django_db
WRONG = {
    "text": ("\0", "长" * 5000),
    "long_text": ("\0", "长" * 50_000),
    "integer": ("abc", "-1", "9" * 40),
    "date": ("2026-02-30", "昨天", "9" * 40),
    "choice": ("没有这一项", "\0", "9" * 40),
    "boolean": (),
}


def client_of(district: District, name: str) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(Account.objects.get(person_id=district[name].person_id))
    return client


def tries(fields: tuple[Field, ...]) -> list[tuple[str, str]]:
    found = [(field.name, wrong) for field in fields for wrong in WRONG.get(field.kind, ("\0", "没有这一项"))]
    return found + [(field.name, " ") for field in fields if field.required]


def given(fields: tuple[Field, ...], filled: dict[str, Any]) -> dict[str, Any]:
    return {field.name: filled.get(field.name, field.choices[0][0] if field.choices else "") for field in fields}


def told(answer: Any) -> str:
    found = re.findall(
        r'class="(?:field-error|form-errors|errorlist[^"]*)"[^>]*>(.*?)</(?:ul|div)>', answer.content.decode(), re.S
    )
    return html.unescape(re.sub(r"<[^>]+>", " ", " ".join(found))).strip()


def assert_refused(answer: Any, name: str, wrong: str) -> None:
    assert answer.status_code == 422, (name, wrong[:20], answer.status_code)
    assert re.search("[一-鿿]", told(answer)), (name, wrong[:20])


def test_目录的登记与修改(district: District) -> None:
    clerk, made = client_of(district, "住建编目员"), district.draft()
    right = given(
        DESCRIPTION_FIELDS,
        {"name": "停车场信息", "abstract": "来自审批系统。", "category": district.category("住建局"), "cycle": "month"},
    )
    for name, wrong in tries(DESCRIPTION_FIELDS):
        address = "/catalog/new/" if name == "category" else f"/catalog/{made.pk}/edit/"
        assert_refused(clerk.post(address, {**right, name: wrong}), name, wrong)
    assert Resource.objects.count() == 1
    assert clerk.post("/catalog/new/", right).status_code == 302


def test_信息项(district: District) -> None:
    clerk, made = client_of(district, "住建编目员"), district.draft()
    right = given(ITEM_FIELDS, {"title": "车位数", "name": "places", "data_type": "integer", "length": "8",
                                "share_type": "unconditional", "open_type": "unconditional"})  # fmt: skip
    for name, wrong in tries(ITEM_FIELDS):
        assert_refused(clerk.post(f"/catalog/{made.pk}/items/+/", {**right, name: wrong}), name, wrong)
    assert clerk.post(f"/catalog/{made.pk}/items/没有/", right).status_code in (403, 404)
    assert clerk.post(f"/catalog/{made.pk}/items/+/", right).status_code == 302
