"""A catalogue entry from draft to online: the clerk, the department's officer, its chief data officer, the bureau."""

import csv
import io
import re
from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import expect

from tests.journeys.walking import Walker

HEAD = ("资源序号", "资源代码", "资源名称", "摘要", "更新周期", "信息项名称", "英文名称", "数据类型", "长度", "主键", "可为空", "共享类型",
        "共享条件", "开放类型")  # fmt: skip


def sheet(name: str, abstract: str, code: str = "") -> bytes:
    """One resource with three items, as the template has it."""
    shared = ("有条件共享", "限履职核验", "不予开放")
    items = (
        ("证书编号", "certificate_no", "字符型C", "32", "是", "否", *shared),
        ("持证单位", "holder", "字符型C", "120", "否", "是", *shared),
        ("发证日期", "issued_on", "日期型D", "", "否", "是", *shared),
    )
    content = io.StringIO(newline="")
    csv.writer(content).writerows([HEAD, *(("1", code, name, abstract, "每月", *item) for item in items)])
    return content.getvalue().encode()


def bring(clerk: Walker, content: bytes) -> None:
    """The import page, its columns agreed to."""
    clerk.go("/r/catalog.resource/import/")
    clerk.page.set_input_files("#file", {"name": "目录.csv", "mimeType": "text/csv", "buffer": content})
    clerk.page.get_by_role("button", name="上传并核对表头").click()
    clerk.page.wait_for_url(re.compile(r"/import/\d+/"))
    clerk.look()
    clerk.page.get_by_role("button", name="开始导入").click()


def apply(clerk: Walker, name: str, what: str, reason: str) -> None:
    """One of the entry's own actions."""
    clerk.go(f"/r/catalog.resource/?q={name}")
    clerk.page.locator("tbody tr").filter(has_text=name).get_by_role("link").first.click()
    clerk.page.get_by_role("link", name=what).click()
    clerk.page.get_by_label(re.compile("^说明")).fill(reason)
    clerk.page.get_by_role("button", name=what).click()
    expect(clerk.page.get_by_role("link", name=what)).to_have_count(0)


def test_起草_退回_修改_三级审核_上线(walker: Callable[..., Walker]) -> None:
    name = f"施工图审查合格书{uuid4().hex[:6]}"
    clerk = walker("housing.handler")
    bring(clerk, sheet(name, ""))
    clerk.sees("没有写入")
    bring(clerk, sheet(name, "施工图审查合格书。"))
    clerk.sees("新增 1")
    apply(clerk, name, "提交审核", "新职能新增资源")

    officer = walker("housing.data").waiting(name)
    for item in ("证书编号", "持证单位", "发证日期"):
        officer.sees(item)
    officer.act("退回修改", opinion="摘要应写明采集口径。")
    clerk.go(f"/r/catalog.resource/?q={name}")
    row = clerk.page.locator("tbody tr").filter(has_text=name)
    code = row.get_by_role("link").first.inner_text().strip()
    bring(clerk, sheet(name, "本区施工图审查机构出具的合格书，按项目逐份登记，每月更新。", code))
    clerk.sees("更新 1")
    apply(clerk, name, "提交审核", "已写明采集口径")
    officer.waiting(name).act("同意")

    chief = walker("housing.head").waiting(name)
    chief.sees("按项目逐份登记")
    chief.act("同意")
    bureau = walker("catalogue").waiting(name)
    bureau.act("同意", opinion="同意发布。")
    bureau.sees("已办结")
    apply(clerk, name, "申请上线", "已发布，可供共享")
    for reviewer in (officer, chief, bureau):
        reviewer.waiting(f"{name}（上线）").act("同意")
    clerk.go(f"/catalog/?q={name}")
    clerk.page.get_by_role("link", name=name).first.click()
    clerk.sees("有条件共享")
    clerk.sees("已上线")
    chief.go("/collection/upload/")
    expect(chief.page.get_by_label(re.compile("^信息资源")).locator("option").filter(has_text=name)).to_have_count(1)


def test_首席数据官看本部门_数管局看普查与三清单(walker: Callable[..., Walker]) -> None:
    chief = walker("housing.head").go("/figures/")
    for figure in ("目录", "及时率", "质量"):
        chief.sees(figure)
    bureau = walker("catalogue").go("/r/census.survey/")
    bureau.page.locator("tbody a").first.click()
    bureau.look()
    bureau.sees("区住建局")
    for address, word in (("responsibility", "区住建局"), ("negative", "不予"), ("target", "区住建局")):
        bureau.go(f"/r/census.{address}/")
        bureau.sees(word)
    bureau.go("/r/catalog.demand/")
