"""What befalls requests: supervision, exclusion and appeal, delegation, events, abstention, training, splits, contacts."""

import csv
import io
import random
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from tests import city
from tests.journeys.conftest import DATABASE, ROOT, Site
from tests.journeys.walking import Walker
from yiwang.city.hotline.demo import texts

# The worker's part: the queued training, run to its end.
WORK = """
import django; django.setup()
from yiwang.kernel.jobs import services
from yiwang.kernel.jobs.models import Job
services.execute(Job.objects.get(name="hotline.train", state="queued").pk)
"""
EVENT = "锦绣家园旁工地夜间施工噪音"


def _name(walker: Walker) -> str:
    """Who is signed in, as the page's head says."""
    return walker.page.locator("details.dropdown summary.bar-button").last.inner_text().strip()


def _case(walker: Walker, title: str) -> Walker:
    """Found in the register by its title, which stands in the second column and is no link: the number is."""
    walker.go(f"/r/hotline.request/?q={title}")
    walker.page.locator("table tbody tr").filter(has_text=title).first.get_by_role("link").first.click()
    walker.page.wait_for_url("**/cases/*/")
    walker.look()
    return walker


def test_督办反馈后销号_要求里的号码隐去(walker: Callable[..., Walker]) -> None:
    title, asked = "青年路人行道地砖松动", "三日内报告修复情况，可联系诉求人13900001111"
    manager = _case(walker("manager"), title)
    manager.act("督办", {"督办要求": asked})
    assert manager.offered("督办销号").count() == 0
    head = walker("housing.head").opened("/inbox/watched/", title)
    head.sees("三日内报告修复情况")
    head.sees_nothing_of("13900001111")
    head.act("反馈意见", opinion="已备料，明日施工。")
    manager.go(manager.page.url.split("?")[0]).sees("已备料，明日施工")
    manager.act("督办销号", {"督办事项": "三日内报告修复情况，可联系诉求人139****1111"}, opinion="同意销号。")
    assert manager.offered("督办销号").count() == 0


def test_申请无理由认定_申诉由另一负责人复核(walker: Callable[..., Walker]) -> None:
    handler = walker("housing.handler").go("/r/hotline.request/?case__status=closed")
    row = handler.page.locator("table tbody tr").filter(has_text="办结").first
    number = row.get_by_role("link").first.inner_text()
    row.get_by_role("link").first.click()
    handler.page.wait_for_url("**/cases/*/")
    case = handler.page.url
    handler.page.get_by_role("link", name="申请无理由认定").click()
    handler.look()
    handler.sees(number)
    handler.page.get_by_label("反映情况不属实").check()
    handler.page.get_by_label(re.compile("^事实与证据")).fill("现场照片与巡查记录证明情况不属实。")
    handler.page.get_by_role("button", name="申请无理由认定").click()
    handler.page.wait_for_url("**/cases/*/")
    manager = walker("manager").waiting("认定：")
    manager.act("予以认定", opinion="证据充分。")
    exclusion = manager.page.url.split("?")[0]
    walker("caller").go(exclusion).act("诉求人申诉", opinion="诉求人提交了新照片。")
    director = walker("director").go(exclusion)
    director.act("撤销认定", opinion="新照片证明问题存在。")
    director.sees("不予认定")
    handler.go(case)
    expect(handler.page.get_by_role("link", name="申请无理由认定")).to_be_visible()


def test_负责人出差委托他人审核_记录写明双方(walker: Callable[..., Walker]) -> None:
    title = "解放路路口标线磨损"
    agent = walker("urban.head")
    name = _name(agent)
    head = walker("housing.head").go("/account/delegations/")
    page, until = head.page, timezone.localtime(timezone.now() + timedelta(days=2))
    page.get_by_label(re.compile("^代理人")).fill(name)
    page.locator("input[name=valid_until]").fill(f"{until:%Y-%m-%dT%H:%M}")
    page.get_by_label(re.compile("^事由")).fill("出差三天")
    page.get_by_role("button", name="设定代理").click()
    expect(page.get_by_role("button", name="收回")).to_be_visible()
    agent.waiting(title).act("审核通过", opinion="同意，代为审核。")
    agent.sees(name)
    agent.sees(_name(head))
    page.get_by_role("button", name="收回").click()
    page.locator("#confirm-yes").click()
    expect(page.get_by_text("已收回")).to_be_visible()


def test_热点归并为一个群体诉求(walker: Callable[..., Walker]) -> None:
    dispatcher = walker("dispatcher").go("/insight/?tab=topics")
    row = dispatcher.page.locator("tbody tr").filter(has=dispatcher.page.locator("details")).filter(
        has_not_text=EVENT
    ).first  # fmt: skip
    title = row.locator(".strong").first.inner_text()
    row.locator("summary").click()
    row.get_by_role("button", name="勾选的归为一个群体诉求").click()
    dispatcher.page.wait_for_url("**tab=events")
    dispatcher.look()
    dispatcher.sees(title)
    dispatcher.page.locator("tbody tr", has_text=title).get_by_role("link", name="查看工单").click()
    expect(dispatcher.page.locator("table tbody tr").first).to_be_visible()


def test_弃权的给三个选择_用文件训练换上新模型(walker: Callable[..., Walker], site: Site) -> None:
    title = "请问这件事归谁管"
    dispatcher = walker("dispatcher").go("/hotline/triage/?show=unsure")
    row = dispatcher.page.locator("tbody tr", has_text=title)
    expect(row).to_contain_text("把握不足，请选")
    expect(row.locator("button[name=category]")).to_have_count(3)
    chosen = row.locator("button[name=category]").nth(1).inner_text().split()[0]
    row.locator("button[name=category]").nth(1).click()
    expect(dispatcher.page.locator("tbody tr", has_text=title)).to_have_count(0)
    dispatcher.go("/hotline/models/").sees(chosen)

    source = random.Random(7)
    sheet = io.StringIO()
    lines = csv.writer(sheet)
    lines.writerow(("text", "label"))
    for theme in (texts.THEMES[1], texts.THEMES[5]):
        lines.writerows((body, theme.category) for _, _, body in (texts.message(source, theme) for _ in range(110)))
    manager = walker("manager").go("/hotline/models/")
    versions = manager.page.locator("table").first.locator("tbody tr")
    before = versions.count()
    upload = {"name": "labelled.csv", "mimeType": "text/csv", "buffer": sheet.getvalue().encode()}
    manager.page.locator("input[type=file]").set_input_files(upload)
    manager.page.locator("button[name=source][value=file]").click(timeout=60_000)
    manager.sees("正在训练")
    subprocess.run(
        [sys.executable, "-c", WORK], cwd=ROOT, env=city.environment(DATABASE, site.log.parent), check=True, timeout=120
    )
    expect(versions).to_have_count(before + 1, timeout=60_000)
    expect(versions.first).to_contain_text("220")
    expect(versions.filter(has_text="在用")).to_have_count(1)


def test_改事项拆单_承办员查看联系方式(walker: Callable[..., Walker]) -> None:
    dispatcher = _case(walker("dispatcher"), "对窗口的建议")
    page, address = dispatcher.page, dispatcher.page.url
    for name, code in (("定事项", "CJ0101"), ("改事项", "CJ0203")):
        page.locator(".actions-bar").get_by_role("link", name=name, exact=True).click()
        dispatcher.look()
        page.locator("select[name=matter]").select_option(code)
        page.locator("input[name=reason]").fill("核对词典后确定")
        page.get_by_role("button", name=name).click()
        page.wait_for_url(address)
    dispatcher.sees("道路与市政设施维护（CJ0203")
    page.locator(".actions-bar").get_by_role("link", name="拆单", exact=True).click()
    dispatcher.look()
    for number, said in ((1, "大厅门前台阶破损"), (2, "建议增加自助复印设备")):
        page.locator(f"input[name=title_{number}]").fill(said)
        page.locator(f"textarea[name=content_{number}]").fill(f"望江街道政务大厅：{said}。")
    page.locator("select[name=matter_1]").select_option("CJ0203")
    page.locator("textarea[name=opinion]").fill("两件事责任单位不同。")
    page.get_by_role("button", name="拆单").click()
    page.wait_for_url(address)
    dispatcher.sees("拆单")

    handler = walker("housing.handler").waiting("大厅门前台阶破损")
    handler.sees("139****0042")
    handler.sees_nothing_of("13930000042")
    handler.page.get_by_role("link", name="查看联系方式").click()
    handler.look()
    handler.page.locator("select[name=purpose]").select_option(label="约定上门或现场查看")
    handler.page.locator("[name=explanation]").fill("约定上门查看台阶")
    handler.page.get_by_role("button", name="记录并查看").click()
    handler.sees("13930000042")
    walker("manager").go("/r/hotline.contact/").sees("约定上门查看台阶")
