"""The template with two sheets: out and in again, dirt refused cell by cell."""

import io
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from yiwang.data.catalog.models import Resource
from yiwang.data.catalog.queries.exchange import LEFT, RIGHT, workbook
from yiwang.data.catalog.registers import RESOURCES
from yiwang.data.catalog.terms import SHEETS
from yiwang.data.catalog.tests.world import District
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.files import queries as files
from yiwang.kernel.registers import importing, services
from yiwang.kernel.registers.models import ImportRun

SHARED = {"资源序号": "1", "资源名称": "物业企业信息", "摘要": "物业服务企业的备案信息。"}
ITEM = {"资源序号": "1", "信息项名称": "企业名称", "英文名称": "name", "共享类型": "无条件共享"}


def cells(data: bytes) -> list[list[list[Any]]]:
    return [
        sheet.to_python() for sheet in map(CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index, (0, 1))
    ]


def sheet_of(
    resources: list[dict[str, str]], items: list[dict[str, str]], renamed: dict[str, str] | None = None
) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    for name, fields, lines in zip(SHEETS, (LEFT, RIGHT), (resources, items), strict=True):
        sheet = book.add_worksheet(name)
        for column, item in enumerate(fields):
            sheet.write_string(0, column, (renamed or {}).get(item.label, item.label))
            for row, line in enumerate(lines, start=1):
                sheet.write_string(row, column, line.get(item.label, ""))
    book.close()
    return stream.getvalue()


def upload(actor: Actor, data: bytes) -> ImportRun:
    run = services.upload(actor, RESOURCES, "目录.xlsx", io.BytesIO(data))
    services.confirm(actor, RESOURCES, run, run.mapping)
    run.refresh_from_db()
    return run


def reasons(run: ImportRun) -> str:
    stored = files.of((importing.OWNER, run.pk)).get(kind="errors")
    with files.content(stored) as stream:
        return "\n".join(
            str(line[0]) for line in CalamineWorkbook.from_filelike(stream).get_sheet_by_index(0).to_python()
        )


def test_what_goes_out_comes_in_unchanged_and_goes_out_the_same(district: District) -> None:
    for name in ("施工许可证信息", "=房屋登记信息"):
        district.draft(name)
    clerk = district["住建编目员"]
    out = workbook(clerk).read()
    run = upload(clerk, out)
    assert (run.state, run.created, run.changed, run.unchanged) == ("done", 0, 0, 2), run.message
    assert cells(workbook(clerk).read()) == cells(out)


def test_new_and_changed_resources_become_drafts(district: District) -> None:
    made, clerk = district.published(), district["住建编目员"]
    known = {**SHARED, "资源序号": "2", "资源代码": made.code, "资源名称": "施工许可信息"}
    run = upload(clerk, sheet_of([SHARED, known], [ITEM, {**ITEM, "资源序号": "2"}]))
    assert (run.created, run.changed) == (1, 1), run.message
    fresh = Resource.objects.get(name="物业企业信息")
    assert fresh.code.startswith(district.category("住建局")) and fresh.publish_state == "unpublished"
    made.refresh_from_db()
    assert made.name == "施工许可证信息" and made.versions.count() == 2, "the published face waits for the review"


def test_headers_under_other_names_are_understood(district: District) -> None:
    data = sheet_of([SHARED], [ITEM], {"信息项名称": "数据项名称", "英文名称": "字段名", "资源名称": "信息资源名称"})
    assert upload(district["住建编目员"], data).created == 1


@pytest.mark.parametrize(
    ("resource", "item", "said"),
    [
        ({}, {"共享类型": "不予共享"}, "不予共享依据：不予共享的须写明法律"),
        ({}, {"共享类型": "不予共享", "不予共享依据": "领导要求"}, "法律、行政法规"),
        ({}, {"共享类型": "有条件共享"}, "共享条件：有条件共享的须写明"),
        ({}, {"共享类型": "看情况"}, "不在可选项内"),
        ({}, {"英文名称": "名称"}, "须以字母开头"),
        ({}, {"涉密项": "是"}, "涉及国家秘密的不得录入"),
        ({"摘要": "机密★10年"}, {}, "密级标志"),
        ({"资源代码": "999/000001"}, {}, "没有这个资源代码"),
        ({"提供方": "外星人事局"}, {}, "没有名为"),
        ({"资源名称": ""}, {}, "资源名称：请填写"),
        ({}, {"资源序号": "7"}, "请填写"),
        ({"分类代码": "301999"}, {}, "没有分类 301999"),
        ({"关联资源代码": "306001/000099"}, {}, "没有资源 306001/000099"),
        ({}, {"主键": "是"}, "主键不能为空"),
    ],
)
def test_each_wrong_cell_is_told_and_nothing_is_written(
    district: District, resource: dict[str, str], item: dict[str, str], said: str
) -> None:
    run = upload(district["住建编目员"], sheet_of([{**SHARED, **resource}], [{**ITEM, **item}]))
    assert run.state == "refused"
    assert said in reasons(run)
    assert not Resource.objects.exists()


def test_one_wrong_row_keeps_all_out(district: District) -> None:
    other = {**SHARED, "资源序号": "2", "资源名称": "房屋信息"}
    run = upload(district["住建编目员"], sheet_of([SHARED, other], [ITEM, {**ITEM, "资源序号": "2", "英文名称": ""}]))
    assert run.state == "refused" and not Resource.objects.exists()


def test_import_and_export_keep_to_the_own_unit(district: District) -> None:
    made = district.published()
    with pytest.raises(Refused, match="权限"):
        upload(district["查阅人"], sheet_of([SHARED], [ITEM]))
    run = upload(district["教育编目员"], sheet_of([{**SHARED, "资源代码": made.code}], [ITEM]))
    assert "不在您的数据范围内" in reasons(run)
    run = upload(district["教育编目员"], sheet_of([{**SHARED, "提供方": "住建局"}], [ITEM]))
    assert "数据范围" in reasons(run)
    assert made.code not in str(cells(workbook(district["教育编目员"]).read()))


def test_a_first_sheet_without_the_key_is_refused(district: District) -> None:
    with pytest.raises(Invalid, match="无法对应"):
        upload(district["住建编目员"], _unkeyed())


def _unkeyed() -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    book.add_worksheet("信息资源").write_row(0, 0, ["资源名称", "摘要"])
    second = book.add_worksheet("信息项")
    second.write_row(0, 0, ["资源序号", "信息项名称"])
    second.write_row(1, 0, ["1", "企业名称"])
    book.get_worksheet_by_name("信息资源").write_row(1, 0, ["物业企业信息", "说明"])
    book.close()
    return stream.getvalue()
