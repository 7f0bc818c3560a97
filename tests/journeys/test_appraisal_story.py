"""A deduction is made, disputed, reversed; the month stays frozen and a corrected bulletin follows."""

import re
from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import expect

from tests.journeys.walking import Walker

REASON = "复核成立，冲回扣分"


def test_扣分申请复核成立后发布更正通报(walker: Callable[..., Walker]) -> None:
    head = walker("sub1.head").go("/r/appraisal.deduction/")
    row = head.page.locator("table tbody tr").filter(has_text="人工扣分").first
    month = re.search(r"(\d{4})年(\d+)月", row.inner_text())
    assert month is not None
    row.get_by_role("link").first.click()
    head.page.wait_for_url(re.compile(r"/r/appraisal\.deduction/\d+/$"))
    head.look()
    deduction = head.page.url
    statement = f"反馈已于期限内报送，系统登记迟延 {uuid4().hex[:6]}"
    head.page.get_by_role("link", name="申请复核", exact=True).click()
    head.look()
    head.page.get_by_label(re.compile("^申请理由与材料")).fill(statement)
    head.page.get_by_role("button", name="申请复核").click()
    head.page.wait_for_url(re.compile(r"/(cases|r/appraisal\.deduction)/\d+/$"))

    reviewer = walker("reviewer").waiting("望江街道")
    reviewer.sees(statement)
    reviewer.act("申请成立，冲回扣分", opinion="核对报送记录，申请成立。")
    head.go(deduction)
    expect(head.page.locator("[aria-disabled=true]", has_text="申请复核")).to_be_visible()
    head.go("/r/appraisal.appeal/").sees("成立")
    head.go("/r/appraisal.deduction/").sees("冲回")

    officer = walker("appraiser").go("/r/appraisal.period/")
    rows = officer.page.locator("table tbody tr").filter(has_text=f"{month[1]}年{int(month[2])}月")
    rows.first.get_by_role("link").first.click()
    officer.page.wait_for_url(re.compile(r"/r/appraisal\.period/\d+/$"))
    officer.look()
    officer.page.get_by_role("link", name="发布更正通报", exact=True).click()
    officer.look()
    officer.page.get_by_label(re.compile("^更正原因")).fill(REASON)
    officer.page.get_by_role("button", name="发布更正通报").click()
    officer.sees(REASON)
    head.go("/r/appraisal.period/")
