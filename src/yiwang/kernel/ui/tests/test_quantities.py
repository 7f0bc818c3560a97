"""Quantities and limits as pages write them."""

from datetime import UTC, datetime

from django.template import Context, Template


def test_数量三位一节() -> None:
    shown = Template('{{ few|floatformat:"0g" }} {{ many|floatformat:"0g" }}').render(
        Context({"few": 164, "many": 14908})
    )
    assert shown == "164 14,908"


def test_到日为止的期限写成当日24时() -> None:
    page = Template("{% load ui_tags %}{{ day|limit }}｜{{ hour|limit }}｜{{ none|limit }}")
    given = {
        "day": datetime(2026, 12, 4, 16, tzinfo=UTC),
        "hour": datetime(2026, 12, 4, 9, 30, tzinfo=UTC),
        "none": None,
    }
    assert page.render(Context(given)) == "2026-12-04 24:00｜2026-12-04 17:30｜"
