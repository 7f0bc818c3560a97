"""The three administrators: one makes accounts, one gives permissions, one reads what both did. None can do another's."""

import re
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.journeys.walking import Walker, sign_in

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_PASSWORD = "Xinmima-2026#ab"


def _label(name: str) -> re.Pattern[str]:
    return re.compile(rf"^{name}\*?$")


def _new_person(system: Walker, name: str, staff_number: str) -> str:
    """Registers the person, makes the account, and reads the one-time password."""
    page = system.go("/r/people.person/new/").page
    page.get_by_label(_label("姓名")).fill(name)
    page.get_by_label(_label("工号")).fill(staff_number)
    page.get_by_label(_label("所属机构")).select_option(label="区热线中心")
    page.get_by_role("button", name="保存").click()
    page.wait_for_url(re.compile(r"/r/people\.person/\d+/$"))
    system.look()
    system.sees("还没有账号，不能登录")
    page.get_by_role("link", name="新建账号").click()
    system.look()
    page.get_by_label(_label("账号")).fill(staff_number)
    page.get_by_role("button", name="新建账号").click()
    system.sees("只显示这一次")
    system.look()
    password = page.locator("code.strong").inner_text()
    page.get_by_role("link", name="我已告知本人").click()
    return password


def _lock(someone: Walker, username: str) -> None:
    for _ in range(6):
        someone.page.goto("/sign-in/")
        someone.page.fill("input[name=username]", username)
        someone.page.fill("input[name=password]", "wrong-password")
        someone.page.press("input[name=password]", "Enter")
        expect(someone.page.locator("main")).to_contain_text(re.compile("账号或密码不正确|暂停登录"))
    expect(someone.page.locator("body")).to_contain_text("暂停登录")


def test_三员各管一段且互不越权(walker: Callable[..., Walker]) -> None:
    username = f"yx{uuid4().hex[:8]}"
    system = walker("sysadmin").go("/administration/")
    once = _new_person(system, "周知远", username)
    account = system.page.url
    newcomer = walker()
    sign_in(newcomer.page, username, once)
    newcomer.sees("修改密码")
    newcomer.look()

    _lock(walker(), username)
    system.page.goto(account)
    system.sees("已锁定")
    system.page.get_by_role("link", name="解锁", exact=True).click()
    system.look()
    system.page.get_by_label(_label("理由")).fill("本人来电核实，输错口令。")
    system.page.get_by_role("button", name="解锁").click()
    system.sees("没有被锁定")
    system.page.get_by_role("link", name="重置密码").click()
    system.look()
    system.page.get_by_label(_label("理由")).fill("本人忘记密码，已当面核实。")
    system.page.get_by_role("button", name="重置密码").click()
    again = system.page.locator("code.strong").inner_text()
    assert again != once
    sign_in(newcomer.page, username, again)
    newcomer.page.locator("input[name=old]").fill(again)
    newcomer.page.locator("input[name=new]").fill(NEW_PASSWORD)
    newcomer.page.locator("input[name=again]").fill(NEW_PASSWORD)
    newcomer.page.locator("main button.button-primary").click()
    newcomer.page.wait_for_url("**/account/**")
    newcomer.go("/")
    newcomer.refused("/r/hotline.request/", "")
    system.refused("/r/access.holding/", "")
    system.refused("/r/ledger.entry/", "")

    audit = walker("auditadmin").go("/administration/")
    for reason in ("本人来电核实，输错口令。", "本人忘记密码，已当面核实。"):
        audit.go(f"/r/ledger.entry/?q={reason}")
        audit.sees(reason)
    audit.page.locator("table tbody a").first.click()
    audit.look()
    audit.refused("/r/people.person/new/", "")


def _hold(security: Walker, post: str, role: str, reason: str) -> None:
    page = security.go("/r/access.holding/new/").page
    page.get_by_label(_label("岗位")).select_option(label=post)
    page.get_by_label(_label("角色")).select_option(label=role)
    page.get_by_label(_label("生效日期")).fill(f"{datetime.now(SHANGHAI):%Y-%m-%d}")
    page.get_by_label(_label("理由")).fill(reason)
    page.get_by_role("button", name="保存").click()


def test_安全管理员授予角色但不能授予自己(walker: Callable[..., Walker]) -> None:
    reason = f"热线高峰期兼任回访 {uuid4().hex[:6]}"
    operator = walker("operator")
    operator.refused("/hotline/triage/", "")
    security = walker("secadmin").go("/administration/").go("/r/access.role/")
    _hold(security, "区热线中心话务员", "派单员", reason)
    security.page.wait_for_url(re.compile(r"/r/access\.holding/\d+/$"))
    security.look()
    security.sees(reason)
    operator.go("/hotline/triage/")
    security.page.get_by_role("link", name="收回", exact=True).click()
    security.page.get_by_label(_label("理由")).fill("高峰期结束")
    security.page.get_by_role("button", name="收回").click()
    security.page.wait_for_url("**/r/access.holding/**")
    operator.refused("/hotline/triage/", "")
    own = f"密码管理{uuid4().hex[:6]}"
    page = security.go("/r/access.role/new/").page
    page.get_by_label(_label("角色代码")).fill(f"security.{own[-6:]}")
    page.get_by_label(_label("角色名称")).fill(own)
    page.get_by_label(_label("职责类别")).select_option(label="安全管理")
    page.get_by_role("button", name="保存").click()
    page.wait_for_url(re.compile(r"/r/access\.role/\d+/$"))
    security.look()
    _hold(security, "区数管局安全管理员", own, "给自己")
    security.sees("不能给本人担任的岗位授予角色")
    _hold(security, "区数管局安全管理员", "派单员", "给自己")
    security.sees("不能持有")
    security.refused("/r/people.person/new/", "")
    audit = walker("auditadmin").go(f"/r/ledger.entry/?q={reason}")
    audit.sees(reason)


def test_系统管理员公布放假安排_人人看得到(walker: Callable[..., Walker]) -> None:
    source, year = f"演示通知 {uuid4().hex[:6]}", datetime.now(SHANGHAI).year + 3
    system = walker("sysadmin").go("/calendar/")
    page = system.page
    page.get_by_label(_label("年份")).fill(str(year))
    page.get_by_label(_label("依据（通知文号）")).fill(source)
    page.get_by_label(_label("通知正文")).fill("建城纪念日：8月8日放假。8月31日待定。")
    page.get_by_label("这是该年全年的放假安排").uncheck()
    page.get_by_role("button", name="读一遍，看结果").click()
    system.sees("公布前请逐日核对")
    system.sees("没有读懂这些日期的安排：8月31日")
    system.look()
    page.get_by_role("button", name="公布", exact=True).click()
    page.get_by_role("button", name="确定").click()
    page.wait_for_url(f"**/calendar/?year={year}")
    officer = walker("operator").go(f"/calendar/?year={year}")
    expect(officer.page.get_by_title(f"{year}-08-08 法定节假日 · 建城纪念日")).to_be_visible()
    officer.sees(source)
    expect(officer.page.get_by_label(_label("通知正文"))).to_have_count(0)
