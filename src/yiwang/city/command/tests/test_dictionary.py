"""事项词典：版本不可变、按日取用、导出再导入不变。"""

import csv
import io
from datetime import date

import pytest

from yiwang.city.command import contract, services
from yiwang.city.command.domain import DOMAIN
from yiwang.city.command.models import Edition, Matter
from yiwang.city.command.registers import MATTERS
from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid, Refused
from yiwang.kernel.access.services import declare
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.people.testing import Town
from yiwang.kernel.registers import exporting, importing, queries
from yiwang.kernel.registers import services as registers
from yiwang.kernel.registers.models import ImportRun

HEADERS = [str(path.label) for path in importing.fields_of(MATTERS).values()]


@pytest.fixture
def town(db: None) -> Town:
    made = Town()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    made.organisation("区政府")
    for name in ("住建局", "城管局", "环境局"):
        made.organisation(name, under="区政府")
    return made


@pytest.fixture
def editor(town: Town) -> Actor:
    return town.actor("词典员", town.post("住建局", "词典员", "command.editor"))


def save(editor: Actor, town: Town, edition: Edition, code: str = "A1", **more: object) -> Matter:
    values = {"code": code, "category": "城乡建设", "name": "路灯", "responsible": town.organisations["住建局"],
              "joint_names": "城管局、环境局", "limit": 5, "unit": "working_day", "closing_condition": "已修复",
              "keywords": "路灯、井盖"} | more  # fmt: skip
    return services.save_matter(editor, edition, values)


def published(editor: Actor, town: Town, number: str, since: date, **more: object) -> Edition:
    edition = services.create_edition(editor, number=number, name="词典")
    save(editor, town, edition, **more)
    return services.publish_edition(editor, edition, effective_from=since)


def test_发布后不可改且按日取用当时的版本(town: Town, editor: Actor) -> None:
    first = published(editor, town, "1", date(2025, 1, 1))
    published(editor, town, "2", date(2026, 1, 1), limit=3)
    found = [contract.matter_in_force("A1", day) for day in (date(2024, 12, 31), date(2025, 12, 31), date(2026, 1, 1))]
    assert [each and (each.edition, each.limit) for each in found] == [("1", 5), ("1", 5), ("2", 3)], "早于首版的按首版"
    with pytest.raises(Refused, match="已发布"):
        save(editor, town, first, limit=9)
    with pytest.raises(Refused, match="已发布"):
        services.publish_edition(editor, first, effective_from=date(2027, 1, 1))


def test_复制的版本带协同单位且互不影响(town: Town, editor: Actor) -> None:
    first = published(editor, town, "1", date(2025, 1, 1))
    copy = services.create_edition(editor, number="2", name="词典", copy_of=first)
    save(editor, town, copy, joint_names="环境局")
    kept = contract.matter_in_force("A1", date(2025, 6, 1))
    assert kept is not None
    assert kept.joint_ids == (town.organisations["城管局"].pk, town.organisations["环境局"].pk)
    assert [each.name for each in copy.matters.get().joint.all()] == ["环境局"]


@pytest.mark.parametrize(
    ("more", "said"),
    [({"joint_names": "不存在局"}, "不在机构清单"), ({"limit": 0}, "大于 0"), ({"closing_condition": ""}, "结案条件"),
     ({"colour": "red"}, "没有这些字段")],
)  # fmt: skip
def test_错误的事项不写入(town: Town, editor: Actor, more: dict[str, object], said: str) -> None:
    edition = services.create_edition(editor, number="1", name="词典")
    with pytest.raises(Invalid, match=said):
        save(editor, town, edition, **more)
    assert not Matter.objects.exists()
    with pytest.raises(Invalid, match="没有事项"):
        services.publish_edition(editor, edition, effective_from=date(2025, 1, 1))
    with pytest.raises(Invalid, match="已存在"):
        services.create_edition(editor, number="1", name="词典")


def test_查阅者不能编制(town: Town, editor: Actor) -> None:
    reader = town.actor("查阅员", town.post("城管局", "查阅员", "command.reader"))
    edition = services.create_edition(editor, number="1", name="词典")
    for attempt in (
        lambda: services.create_edition(reader, number="2", name="词典"),
        lambda: save(reader, town, edition),
        lambda: services.publish_edition(reader, edition, effective_from=date(2025, 1, 1)),
        lambda: registers.upload(reader, MATTERS, "词典.csv", io.BytesIO(b"x")),
    ):  # fmt: skip
        with pytest.raises(Refused):
            attempt()


def imported(editor: Actor, lines: list[list[str]]) -> ImportRun:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    run = registers.upload(editor, MATTERS, "词典.csv", io.BytesIO(text.getvalue().encode("utf-8-sig")))
    registers.confirm(editor, MATTERS, run, run.mapping)
    run.refresh_from_db()
    return run


def exported(editor: Actor) -> list[list[str]]:
    stream = exporting.export(editor, MATTERS, queries.wish(MATTERS, {}), "csv")
    assert not isinstance(stream, Job)
    with stream:
        return list(csv.reader(io.StringIO(stream.read().decode("utf-8-sig"))))


def contents(edition: Edition) -> list[tuple[object, ...]]:
    names = [name for name in services.EDITABLE if name != "responsible"]
    return [
        (matter.responsible_id, sorted(matter.joint.values_list("pk", flat=True)),
         *(getattr(matter, name) for name in names))
        for matter in edition.matters.order_by("code")
    ]  # fmt: skip


def test_导出再导入为新版本_一字不差(town: Town, editor: Actor) -> None:
    first = services.create_edition(editor, number="1", name="词典")
    save(editor, town, first, subcategory="市政", basis="条例第20条")
    save(editor, town, first, "A2", name='含"引号"，逗号\n和换行', by_region=True, limit=15, unit="calendar_day",
         joint_names="", keywords="=1+1、-噪音", closing_condition="@已查明\n并答复")  # fmt: skip
    lines = exported(editor)
    untouched = imported(editor, lines)
    assert (untouched.created, untouched.changed, untouched.unchanged) == (0, 0, 2), untouched.message
    services.publish_edition(editor, first, effective_from=date(2025, 1, 1))
    second = services.create_edition(editor, number="2", name="词典")
    column = lines[0].index("词典版本")
    moved = [lines[0], *([*line[:column], "2", *line[column + 1 :]] for line in lines[1:])]
    run = imported(editor, moved)
    assert (run.state, run.created) == ("done", 2), run.message
    assert contents(second) == contents(first)
    second = services.publish_edition(editor, second, effective_from=date(2026, 1, 1))
    assert second.digest == Edition.objects.get(pk=first.pk).digest


def test_导入含协同单位_再导入不变_改一行只改一行(town: Town, editor: Actor) -> None:
    edition = services.create_edition(editor, number="1", name="词典")
    row = {"词典版本": "1", "事项编码": "A1", "一级分类": "城乡建设", "二级分类": "市政", "事项名称": "路灯", "主责单位": "住建局",
           "属地主责": "否", "协同单位": "城管局、环境局", "办理时限": "5", "时限单位": "工作日", "结案条件": "已修复", "关键词": "路灯、井盖",
           "依据": "条例第20条"}  # fmt: skip
    lines = [HEADERS, [row[header] for header in HEADERS], [{**row, "事项编码": "A2"}[header] for header in HEADERS]]
    run = imported(editor, lines)
    assert (run.state, run.created) == ("done", 2), run.message
    assert {each.name for each in edition.matters.get(code="A1").joint.all()} == {"城管局", "环境局"}
    again = imported(editor, lines)
    assert (again.created, again.changed, again.unchanged) == (0, 0, 2)
    lines[2][HEADERS.index("协同单位")] = "环境局"
    changed = imported(editor, lines)
    assert (changed.created, changed.changed, changed.unchanged) == (0, 1, 1)
    assert [each.name for each in edition.matters.get(code="A2").joint.all()] == ["环境局"]
    lines[2][HEADERS.index("协同单位")] = "不存在局"
    assert imported(editor, lines).state == "refused"
