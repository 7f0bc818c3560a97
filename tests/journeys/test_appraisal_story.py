"""A deduction is made, disputed, reversed; the month stays frozen and a corrected bulletin follows."""

import re
from collections.abc import Callable
from uuid import uuid4

from tests.journeys.walking import Walker

REASON = "复核成立，冲回扣分"


def test_扣分申请复核成立后发布更正通报(walker: Callable[..., Walker]) -> None:
    head = walker("housing.head").go("/r/appraisal.deduction/")
    row = head.page.locator("table tbody tr").filter(has_text="手工").first
    row.get_by_role("link").first.click()
    head.look()
    deduction = head.page.url
    statement = f"反馈已于期限内报送，系统登记迟延 {uuid4().hex[:6]}"
    head.page.get_by_role("link", name="申请复核", exact=True).click()
    head.look()
    head.page.get_by_label(re.compile("^申请理由与材料")).fill(statement)
    head.page.get_by_role("button", name="申请复核").click()
    head.page.wait_for_url(re.compile(r"/(cases|r/appraisal\.deduction)/\d+/$"))

    reviewer = walker("reviewer").waiting("区住建局")
    reviewer.sees(statement)
    reviewer.act("申请成立，冲回扣分", opinion="核对报送记录，申请成立。")
    head.go(deduction)
    head.sees("已冲回")
    head.go("/r/appraisal.appeal/").sees("成立")

    officer = walker("appraiser").go("/r/appraisal.period/")
    officer.page.locator("table tbody tr").filter(has_text="已冻结").first.get_by_role("link").first.click()
    officer.look()
    officer.page.get_by_role("link", name="发布更正通报", exact=True).click()
    officer.look()
    officer.page.get_by_label(re.compile("^更正原因")).fill(REASON)
    officer.page.get_by_role("button", name="发布更正通报").click()
    officer.sees(REASON)
    head.go("/r/appraisal.period/")
