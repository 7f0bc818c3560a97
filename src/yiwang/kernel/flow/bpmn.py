"""A version as BPMN 2.0 with its diagram, for drawing and handing over; execution stays with the engine."""

from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from yiwang.kernel.flow.definitions import Flow, Stage
from yiwang.kernel.flow.drawing import GAP, HEIGHT, LEFT, TOP, WIDTH, edges
from yiwang.kernel.flow.models import FlowVersion
from yiwang.kernel.flow.publishing import flow_of

BPMN, DI = "http://www.omg.org/spec/BPMN/20100524/MODEL", "http://www.omg.org/spec/BPMN/20100524/DI"
DC, LAY = "http://www.omg.org/spec/DD/20100524/DC", "http://www.omg.org/spec/DD/20100524/DI"
XSI, GOV = "http://www.w3.org/2001/XMLSchema-instance", "urn:yiwang:flow"
PREFIXES = {"bpmn": BPMN, "bpmndi": DI, "dc": DC, "di": LAY, "xsi": XSI, "gov": GOV}
Bounds = tuple[int, int, int, int]


def export(version: FlowVersion | int) -> str:
    """userTask per stage (multi-instance for a rule over several seats), boundary timer per stage clock."""
    for prefix, uri in PREFIXES.items():
        register_namespace(prefix, uri)
    pk = version if isinstance(version, int) else version.pk
    flow = flow_of(pk)
    root = Element(f"{{{BPMN}}}definitions", {"id": f"version_{pk}", "targetNamespace": GOV})
    process = SubElement(root, f"{{{BPMN}}}process", {"id": "process", "name": flow.name, "isExecutable": "false"})
    shapes, ways = _nodes(process, flow), _flows(process, flow)
    diagram = SubElement(root, f"{{{DI}}}BPMNDiagram", {"id": "diagram"})
    plane = SubElement(diagram, f"{{{DI}}}BPMNPlane", {"id": "plane", "bpmnElement": "process"})
    for name, bounds in shapes.items():
        shape = SubElement(plane, f"{{{DI}}}BPMNShape", {"id": f"{name}_di", "bpmnElement": name})
        SubElement(shape, f"{{{DC}}}Bounds", dict(zip(("x", "y", "width", "height"), map(str, bounds), strict=True)))
    for name, (source, target) in ways.items():
        edge = SubElement(plane, f"{{{DI}}}BPMNEdge", {"id": f"{name}_di", "bpmnElement": name})
        for x, y in _waypoints(shapes[source], shapes[target]):
            SubElement(edge, f"{{{LAY}}}waypoint", {"x": str(x), "y": str(y)})
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode")


def _nodes(process: Element, flow: Flow) -> dict[str, Bounds]:
    SubElement(process, f"{{{BPMN}}}startEvent", {"id": "start", "name": "登记"})
    middle = TOP + HEIGHT // 2
    shapes: dict[str, Bounds] = {"start": (0, middle - 18, 36, 36)}
    for index, stage in enumerate(flow.stages):
        left = LEFT + 30 + index * (WIDTH + GAP)
        name = f"stage_{index}"
        _task(process, name, stage)
        shapes[name] = (left, TOP, WIDTH, HEIGHT)
        clocks = [rule for rule in flow.clocks if f"enter:{stage.code}" in rule.starts.split()]
        for number, rule in enumerate(clocks):
            timer = f"timer_{index}_{number}"
            event = SubElement(process, f"{{{BPMN}}}boundaryEvent",
                               {"id": timer, "name": rule.name, "attachedToRef": name, "cancelActivity": "false"})  # fmt: skip
            definition = SubElement(event, f"{{{BPMN}}}timerEventDefinition", {"id": f"{timer}_definition"})
            wait = SubElement(definition, f"{{{BPMN}}}timeDuration", {f"{{{XSI}}}type": "bpmn:tFormalExpression"})
            wait.text = rule.limit or f"{rule.budget or rule.budget_field} {rule.unit}"
            shapes[timer] = (left + 8 + 40 * number, TOP + HEIGHT - 18, 36, 36)
    SubElement(process, f"{{{BPMN}}}endEvent", {"id": "end", "name": "办结"})
    shapes["end"] = (LEFT + 30 + len(flow.stages) * (WIDTH + GAP), middle - 18, 36, 36)
    return shapes


def _task(process: Element, name: str, stage: Stage) -> None:
    task = SubElement(process, f"{{{BPMN}}}userTask",
                      {"id": name, "name": stage.name, f"{{{GOV}}}stage": stage.code, f"{{{GOV}}}basis": stage.basis})  # fmt: skip
    rule = stage.decide
    if rule.by != "any":
        SubElement(task, f"{{{BPMN}}}multiInstanceLoopCharacteristics",
                   {"isSequential": str(rule.sequential).lower(), f"{{{GOV}}}decide": rule.by,
                    f"{{{GOV}}}passAt": str(rule.pass_at)})  # fmt: skip


def _flows(process: Element, flow: Flow) -> dict[str, tuple[str, str]]:
    order = {stage.code: index for index, stage in enumerate(flow.stages)}
    ways = {"way_0": ("start", "stage_0")}
    SubElement(process, f"{{{BPMN}}}sequenceFlow", {"id": "way_0", "sourceRef": "start", "targetRef": "stage_0"})
    for number, (code, place, name) in enumerate(edges(flow, order), 1):
        source, target = f"stage_{order[code]}", "end" if place == len(flow.stages) else f"stage_{place}"
        facts = {"id": f"way_{number}", "name": name, "sourceRef": source, "targetRef": target}
        SubElement(process, f"{{{BPMN}}}sequenceFlow", facts)
        ways[f"way_{number}"] = (source, target)
    return ways


def _waypoints(source: Bounds, target: Bounds) -> list[tuple[int, int]]:
    middle = TOP + HEIGHT // 2
    if target[0] >= source[0] + source[2] and target[0] - source[0] - source[2] <= GAP:
        return [(source[0] + source[2], middle), (target[0], middle)]
    low = TOP + HEIGHT + 60 + abs(target[0] - source[0]) // 20
    start, stop = source[0] + source[2] // 2, target[0] + target[2] // 2
    return [(start, source[1] + source[3]), (start, low), (stop, low), (stop, target[1] + target[3])]
