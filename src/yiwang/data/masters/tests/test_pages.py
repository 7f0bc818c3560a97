"""The pages as officers open them, and who may not."""

from django.test import Client

from yiwang.data.masters.models import Candidate, Look
from yiwang.kernel.people.models import Account


def browser(world, name: str) -> Client:
    made = Client()
    made.force_login(Account.objects.get(pk=world[name].account_id))
    return made


def test_a_record_is_found_seen_masked_and_revealed_for_a_purpose(world):
    golden = world.linked("legal")
    officer = browser(world, "明文员")
    page = officer.post("/masters/search/", {"words": golden.title}).content.decode()
    assert f"/masters/golden/{golden.pk}/" in page
    shown = officer.get(f"/masters/golden/{golden.pk}/").content.decode()
    assert golden.shown["信用代码"]["value"] in shown
    assert "来源优先" in shown
    assert officer.post(f"/masters/golden/{golden.pk}/", {"do": "reveal", "purpose": "看"}).status_code == 422
    plain = officer.post(f"/masters/golden/{golden.pk}/", {"do": "reveal", "purpose": "核对企业登记信息"})
    assert "正在显示明文" in plain.content.decode()
    assert Look.objects.count() == 1
    denied = browser(world, "查询员").post(
        f"/masters/golden/{golden.pk}/", {"do": "reveal", "purpose": "核对企业登记信息"}
    )
    assert denied.status_code == 404
    assert Look.objects.count() == 1
    assert browser(world, "维护员").get("/masters/search/").status_code == 403


def test_review_lineage_and_registers_open(world):
    steward = browser(world, "管理员")
    candidate = Candidate.objects.filter(state="open").first()
    assert "并排证据" in steward.get(f"/masters/review/{candidate.pk}/").content.decode()
    answer = steward.post(f"/masters/review/{candidate.pk}/", {"do": "apart", "reason": "出生日期不同"})
    assert answer.status_code == 302
    drawn = steward.get("/masters/lineage/?table=demo-registered&column=姓名").content.decode()
    assert "<svg" in drawn
    assert "就业参保主题库" in drawn
    library = world.library("population")
    page = steward.get(f"/r/masters.library/{library.pk}/").content.decode()
    assert "138****0000" in page
    assert "13800000000" not in page
    for code in (
        "library",
        "design",
        "build",
        "golden",
        "member",
        "candidate",
        "decision",
        "conflict",
        "system",
        "object",
        "carrier",
    ):
        assert steward.get(f"/r/masters.{code}/").status_code == 200, code
    assert steward.get("/masters/lineage/?table=nothing&column=x").status_code in (403, 404)
