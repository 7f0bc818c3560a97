"""Every flow that exists, drawn as BPMN 2.0, is valid by the schema of the OMG (shipped with a development library)."""

from pathlib import Path

import pytest
import SpiffWorkflow.bpmn.parser
from lxml import etree

from yiwang.kernel.flow import bpmn
from yiwang.kernel.flow.definitions import ClockRule, Decide
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.cases import deemed, parent_flow
from yiwang.site.manifests import manifests

SCHEMA = Path(SpiffWorkflow.bpmn.parser.__file__).parent / "schema" / "BPMN20.xsd"
OWN = [flow for domain in manifests() for flow in domain.flows]
TESTED = [
    flows.hotline(ClockRule("h", "办理 <5> & 日", "working_day", 5, starts="enter:handle")),
    flows.voting(Decide("all", sequential=True)), flows.plain(6), deemed(), parent_flow(),
]  # fmt: skip


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(SCHEMA))


@pytest.mark.django_db
@pytest.mark.parametrize("flow", [*OWN, *TESTED], ids=lambda flow: flow.code)
def test_每个流程的BPMN导出符合OMG规范(flow, schema):
    document = etree.fromstring(bpmn.export(publish(flow)).encode())
    assert schema.validate(document), schema.error_log


def test_规范校验得出错误(schema):
    wrong = etree.fromstring(
        f'<definitions xmlns="{bpmn.BPMN}" targetNamespace="x"><process><nothing/></process></definitions>'
    )
    assert not schema.validate(wrong)
    assert len(OWN) >= 2
