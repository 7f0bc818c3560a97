"""What holds for every measure that exists: value, parts, dimensions and rows say the same."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from tests.architecture.measured import city as city
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Invalid
from yiwang.kernel.access.doors import resources
from yiwang.kernel.measures import queries
from yiwang.kernel.measures.models import Definition
from yiwang.kernel.measures.periods import between
from yiwang.kernel.measures.registry import all_measures
from yiwang.kernel.measures.services import publish_definitions
from yiwang.kernel.pages.figures import catalogue
from yiwang.kernel.registers.registry import of_model
from yiwang.site.localdb import ROOT
from yiwang.site.manifests import manifests

pytestmark = pytest.mark.django_db
MEASURES = all_measures()
every = pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.code)
FINE = Decimal("1E-9")
HALF = between(timezone.localdate() - timedelta(days=170), timezone.localdate())


def from_rows(measure, part, found):
    """A part of a figure from its listed rows alone."""
    rows = found.model._default_manager.filter(pk__in=found.values("pk"))
    if measure.kind == "share":
        summed = {"numerator": measure.field, "denominator": measure.over}[part]
        return Decimal(rows.aggregate(n=Sum(summed))["n"] or 0)
    if part == "numerator" and measure.kind in ("sum", "mean"):
        return (Decimal(rows.aggregate(n=Sum(measure.field))["n"] or 0) / measure.scale).quantize(FINE)
    if part == "numerator" and measure.kind == "distinct":
        return rows.order_by().values(measure.field).distinct().count()
    return found.count()


def rounded(number):
    """Hours are seconds divided; the last digits of a quotient are not what is tested."""
    return Decimal(number).quantize(FINE)


def parts(measure):
    return ("numerator", "denominator") if measure.is_rate else ("numerator",)


@every
def test_总数等于背后的记录(city, measure):
    figure = queries.value(SYSTEM, measure.code, HALF)
    for part in parts(measure):
        found = queries.records(SYSTEM, measure.code, HALF, part)
        assert from_rows(measure, part, found) == rounded(getattr(figure, part)), part
        assert found.count() == found.values("pk").distinct().count()


@every
def test_每个维度的每一分项都等于它的记录(city, measure):
    whole = queries.value(SYSTEM, measure.code, HALF)
    for name in (*measure.dimensions, queries.MONTH):
        figure = queries.value(SYSTEM, measure.code, HALF, by=name)
        assert (figure.numerator, figure.denominator, figure.value) == (whole.numerator, whole.denominator, whole.value)
        if measure.kind != "distinct":
            assert rounded(sum(row.numerator for row in figure.rows)) == rounded(whole.numerator), name
        for row, month in zip(figure.rows, HALF.months() if name == queries.MONTH else figure.rows, strict=True):
            period, filters = (month, {}) if name == queries.MONTH else (HALF, {name: str(row.key)})
            for part in parts(measure):
                found = queries.records(SYSTEM, measure.code, period, part, filters)
                assert from_rows(measure, part, found) == rounded(getattr(row, part)), (name, row.label, part)


@every
def test_无权者看不到数字和记录_维度写错有明白的话(city, measure):
    assert not queries.records(ANONYMOUS, measure.code, HALF).exists()
    assert queries.value(ANONYMOUS, measure.code, HALF).numerator == 0
    with pytest.raises(Invalid, match="没有维度"):
        queries.value(SYSTEM, measure.code, HALF, by="no_such")


@every
def test_声明齐全_记录有台账可看(measure):
    assert measure.resource in resources()
    assert measure.name and measure.definition and measure.unit and measure.code.count(".") == 1
    assert ("／" in measure.definition) == (measure.kind in ("rate", "share")), "比率的口径写明分子／分母"
    register = of_model(resources()[measure.resource].model)
    assert register is not None, "下钻要用台账的列来显示记录"
    assert all(dimension.label for dimension in measure.dimensions.values())


def test_数据里确实有数(city):
    empty = [measure.code for measure in MEASURES if not queries.value(SYSTEM, measure.code, HALF).numerator]
    assert len(empty) <= len(MEASURES) // 6, empty


def test_口径全部登记_再次登记不增加(city):
    assert Definition.objects.count() == len(MEASURES) > 0
    assert publish_definitions() == 0


def test_指标清单与声明一致():
    written = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    assert written == catalogue(manifests()), "指标声明变了：请运行 .venv/bin/python -m yiwang.site document"
