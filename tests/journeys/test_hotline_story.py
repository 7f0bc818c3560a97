"""One request through every hand: citizen, operator, dispatcher, handler, head, caller."""

from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import expect

from tests.journeys.walking import Walker

HOUSING = "示例区住房和城乡建设局"


def _fill_desk(operator: Walker, title: str, content: str, phone: str) -> None:
    page = operator.page
    page.get_by_label("来电号码").fill(phone)
    page.get_by_label("称呼").fill("王女士")
    page.get_by_label("诉求标题").fill(title)
    page.get_by_label("诉求内容").fill(content)


def _dispatch(dispatcher: Walker, title: str, matter: str) -> None:
    """On the board: fix the matter, tick, dispatch the batch."""
    dispatcher.go("/hotline/triage/")
    row = dispatcher.page.locator("tbody tr", has_text=title).first
    row.get_by_role("button", name=matter).click()
    dispatcher.go("/hotline/triage/?show=ready")
    dispatcher.page.locator("tbody tr", has_text=title).first.get_by_role("checkbox").check()
    dispatcher.page.get_by_role("button", name="派出勾选的诉求").click()
    dispatcher.sees("已派单 1 件")
    dispatcher.look()


def test_市民手机反映到办结可见答复(walker: Callable[..., Walker]) -> None:
    mark = uuid4().hex[:6]
    title = f"滨河大道夜间占道烧烤{mark}"
    citizen = walker(width=390, height=844).go("/public/hotline/")
    citizen.page.get_by_label("标题").fill(title)
    citizen.page.get_by_label("内容").fill("滨河大道 18 号门前每晚有烧烤摊占道经营，油烟和垃圾很多，请尽快清理。")
    citizen.page.get_by_label("手机号码").fill("12345")
    citizen.page.get_by_role("button", name="提交").click()
    expect(citizen.page.get_by_text("请填写 11 位手机号码")).to_be_visible()
    citizen.page.get_by_label("手机号码").fill("13912345678")
    citizen.page.get_by_role("button", name="提交").click()
    citizen.sees("已收到您的诉求")
    citizen.look()
    code = citizen.page.locator(".notice .code").inner_text()
    citizen.sees("正在办理")

    dispatcher = walker("dispatcher")
    _dispatch(dispatcher, title, "占道经营与市容环境")
    handler = walker("urban.handler").waiting(title)
    handler.act("签收")
    handler.waiting(title).act("提交答复", {"答复内容": "经现场核查属实，已责令该摊点当晚撤离并清洗路面。"})
    head = walker("urban.head").waiting(title)
    head.act("退回重写", opinion="请写明由谁巡查、何时复查。")
    handler.waiting(title).sees("请写明由谁巡查")
    handler.act(
        "提交答复", {"答复内容": "经现场核查属实，滨河中队已责令该摊点当晚撤离并清洗路面，次日 20 时复查未再出摊。"}
    )
    head.waiting(title).act("审核通过", opinion="同意")
    citizen.go(f"/public/hotline/track/?code={code}")
    citizen.sees_nothing_of("滨河中队")

    caller = walker("caller").waiting(title)
    caller.sees("13912345678")
    caller.act("不满意，退回重办", opinion="诉求人称第三天又出摊。")
    handler.waiting(title).sees("不满意")
    handler.act("提交答复", {"答复内容": "已暂扣经营工具并安排每晚巡查，连续三晚复查无占道。"})
    head.waiting(title).act("审核通过", opinion="同意")
    caller.waiting(title)
    assert caller.offered("不满意，退回重办").count() == 0
    caller.act("满意", {"诉求是否解决": True})
    caller.sees("满意办结")
    citizen.go(f"/public/hotline/track/?code={code.lower()}")
    citizen.sees("已暂扣经营工具")
    citizen.go("/public/hotline/track/?code=" + code)
    citizen.look()


def test_话务员看历史查重并当场答复(walker: Callable[..., Walker]) -> None:
    operator = walker("operator").go("/hotline/desk/")
    phone = f"139{uuid4().int % 10**8:08}"
    page = operator.page
    _fill_desk(
        operator, "枫林路路面破损严重", "枫林路近 15 号路段路面坑洼，雨天积水，已有电动车摔倒，请尽快修补路面。", phone
    )
    expect(page.locator("#history")).to_contain_text("该号码没有历史诉求")
    expect(page.locator("#matches")).to_contain_text("可能相同的诉求")
    page.get_by_role("button", name="保存，稍后处理").click()
    page.wait_for_url("**/cases/*/")
    operator.look()
    number = operator.number
    operator.act("当场答复", {"答复内容": "枫林路大修已列入本月计划，将于月底前完工；已请诉求人绕行。"})
    operator.sees("当场答复")
    operator.go("/hotline/desk/")
    page.get_by_label("来电号码").fill(phone)
    expect(page.locator("#history")).to_contain_text(number)


def test_派单员取三个选择之一并并案(walker: Callable[..., Walker]) -> None:
    operator, mark = walker("operator"), uuid4().hex[:6]
    first, second = f"百川家具厂夜间噪音{mark}", f"百川家具厂又在夜间施工{mark}"
    for title in (first, second):
        operator.go("/hotline/desk/")
        _fill_desk(operator, title, "石桥街道百川家具厂夜里两点仍在施工，噪音很大，请生态环境部门查处。", "13911112222")
        operator.page.get_by_role("button", name="登记并派单").click()
        operator.page.wait_for_url("**/cases/*/")
    dispatcher = walker("dispatcher").go("/hotline/triage/")
    row = dispatcher.page.locator("tbody tr", has_text=first).first
    row.locator("button[name=category]").first.click()
    row = dispatcher.page.locator("tbody tr", has_text=first).first
    expect(row.locator("td").nth(2).locator(".badge.info")).to_be_visible()
    dispatcher.go("/hotline/triage/")
    dispatcher.page.locator("tbody tr", has_text=second).first.get_by_role("link").first.click()
    dispatcher.page.wait_for_url("**/cases/*/")
    dispatcher.act("并案", to=first, opinion="同一诉求人反映同一事项。")
    dispatcher.sees(first)


def test_没有定事项时派单说明原因(walker: Callable[..., Walker]) -> None:
    dispatcher = walker("dispatcher").go("/hotline/triage/")
    dispatcher.page.get_by_role("button", name="派出勾选的诉求").click()
    dispatcher.sees("没有勾选诉求")


def test_承办单位延期退单与裁定(walker: Callable[..., Walker]) -> None:
    operator, mark = walker("operator"), uuid4().hex[:6]
    title = f"文昌路井盖缺失{mark}"
    operator.go("/hotline/desk/")
    _fill_desk(operator, title, "文昌路 9 号门前井盖缺失，请尽快补装，夜间行人危险。", "13933334444")
    operator.page.get_by_role("button", name="登记并派单").click()
    operator.page.wait_for_url("**/cases/*/")
    dispatcher, handler, manager = walker("dispatcher"), walker("housing.handler"), walker("manager")
    _dispatch(dispatcher, title, "道路与市政设施维护")
    handler.waiting(title).act("退单", opinion="该路段井盖产权属通信公司，不在我局职责内。")
    manager.waiting(title).act("裁定", to=HOUSING, opinion="经查该井盖属市政管养，由住建局办理。")
    handler.waiting(title)
    assert handler.offered("退单").count() == 0
    handler.act("签收")
    handler.sees("协办单位意见未到齐，主办单位不能答复")
    walker("urban.handler").waiting(title).act("反馈意见", opinion="无意见。")
    handler.waiting(title).act("申请延期", {"延长": "3"}, opinion="需采购同型号井盖。")
    manager.waiting(title).act("延期审批", {"同意延期": True})
    handler.waiting(title)
    assert handler.offered("申请延期").count() == 0
    handler.act("提交答复", {"答复内容": "已补装同型号井盖并设防坠网，现场复查安全。"})


def test_承办单位打开举报看不到举报人(walker: Callable[..., Walker]) -> None:
    operator, mark = walker("operator"), uuid4().hex[:6]
    title = f"举报枫林路违法搭建{mark}"
    operator.go("/hotline/desk/")
    operator.page.get_by_label("诉求类别").select_option(label="举报")
    _fill_desk(operator, title, "望江街道枫林路 6 号顶层违法搭建阳光房，我的电话是13977778888，请查处。", "13977778888")
    operator.page.get_by_role("button", name="登记并派单").click()
    operator.page.wait_for_url("**/cases/*/")
    operator.sees("13977778888")
    _dispatch(walker("dispatcher"), title, "违法建设查处")
    handler = walker("urban.handler").waiting(title)
    handler.sees("按规定保密")
    number = handler.number
    for address in (handler.page.url, f"/r/hotline.request/?q={mark}", f"/search/?q={number}"):
        handler.go(address)
        for secret in ("13977778888", "王女士"):
            handler.sees_nothing_of(secret)
    walker("sub1.head").refused(operator.page.url, "")
