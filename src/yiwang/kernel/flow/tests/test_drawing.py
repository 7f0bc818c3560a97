import re

import pytest
from defusedxml.ElementTree import fromstring

from yiwang.kernel.flow import bpmn, drawing
from yiwang.kernel.flow.definitions import ClockRule, Flow
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town


def test_流程图标出当前环节且转义(town: Town) -> None:
    version = town.publish(flows.hotline())
    picture = fromstring(drawing.svg(version, "handle", ("accept", "dispatch")))
    groups = [item.get("class") for item in picture.iter("{http://www.w3.org/2000/svg}g")]
    assert groups == ["flow-stage done", "flow-stage done", "flow-stage current", "flow-stage ahead",
                      "flow-stage ahead"]  # fmt: skip


@pytest.mark.parametrize("flow", [flows.hotline(), flows.plain(2)], ids=["热线", "两步"])
def test_流程图每条路都在画内_同向的路画一条(town: Town, flow: Flow) -> None:
    picture = fromstring(drawing.svg(town.publish(flow), "", ()))
    height = float(picture.get("viewBox").split()[3])
    ways = [item.get("d") for item in picture.iter("{http://www.w3.org/2000/svg}path") if item.get("d").startswith("M")]
    assert len(ways) == len(set(ways)) > 1
    assert all(float(low) < height for way in ways for low in re.findall(r"V(\d+)", way))


def test_bpmn每个元素有图形且引用都存在(town: Town) -> None:
    version = town.publish(flows.hotline(ClockRule("h", "办理<5>", "working_day", 5, starts="enter:handle")))
    root = fromstring(bpmn.export(version).split("\n", 1)[1])
    model, di = f"{{{bpmn.BPMN}}}", f"{{{bpmn.DI}}}"
    ids = {item.get("id") for item in root.iter() if item.tag.startswith(model)}
    drawn = {item.get("bpmnElement") for item in root.iter() if item.tag in (f"{di}BPMNShape", f"{di}BPMNEdge")}
    assert drawn <= ids
    assert len(list(root.iter(f"{model}userTask"))) == 5
    assert len(list(root.iter(f"{model}boundaryEvent"))) == 1
    for way in root.iter(f"{model}sequenceFlow"):
        assert {way.get("sourceRef"), way.get("targetRef")} <= ids
        assert way.get("id") in drawn
