# ruff: noqa: S608 - the queries are put together from constants of this file
"""The whole way of a report on real requests: draft, issue, seal, check, correct, and every printed figure counted by hand."""

import dataclasses
import re

import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.db.utils import DatabaseError
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from tests.architecture import printed
from tests.architecture.measured import city as city
from yiwang.city.hotline.demo.building import Builder
from yiwang.city.hotline.models import Reporter, Request
from yiwang.city.hotline.registers import REQUESTS
from yiwang.cockpit.reports import demo, queries, services
from yiwang.cockpit.reports.models import Report, Template
from yiwang.cockpit.reports.terms import State
from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.crypto import decrypt
from yiwang.kernel.files import sheets
from yiwang.kernel.measures.models import SealedFigure
from yiwang.kernel.measures.periods import before, parse
from yiwang.kernel.measures.queries import value
from yiwang.kernel.measures.registry import all_measures
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.registers.importing import guess
from yiwang.kernel.registers.services.imports import rows_of
from yiwang.kernel.search.tests.shared import folder
from yiwang.site.manifests import manifests

pytestmark = pytest.mark.django_db
YEAR = str(timezone.localdate().year)
RATED = "satisfaction IN ('satisfied','basically','dissatisfied') AND NOT excluded"
WITHIN = "{} >= %s AND {} < %s"
BY_HAND = {
    "hotline.received": "SELECT count(*) FROM hotline_request WHERE split_from_id IS NULL AND " + WITHIN.format("received_at", "received_at"),
    "hotline.people": "SELECT count(DISTINCT identity) FROM hotline_request WHERE " + WITHIN.format("received_at", "received_at"),
    "hotline.dispatched": "SELECT count(*) FROM (SELECT min(e.happened_at) AS first FROM flow_entry e JOIN flow_case c ON c.id = e.case_id "
    "WHERE c.flow = 'hotline.request' AND e.action = 'dispatch' AND c.outcome <> 'split' GROUP BY c.id) AS sent WHERE " + WITHIN.format("first", "first"),
    "hotline.closed": "SELECT count(*) FROM hotline_request r JOIN flow_case c ON c.id = r.case_id WHERE c.outcome <> 'split' AND "
    + WITHIN.format("r.closed_at", "r.closed_at"),
    "hotline.satisfaction": "SELECT round(100.0 * count(*) FILTER (WHERE satisfaction IN ('satisfied','basically')) / nullif(count(*), 0), 2)"
    f" FROM hotline_request WHERE {RATED} AND " + WITHIN.format("closed_at", "closed_at"),
    "hotline.satisfaction_monthly": "SELECT round(avg(share), 2) FROM (SELECT round(100.0 * count(*) FILTER "
    "(WHERE satisfaction IN ('satisfied','basically')) / nullif(count(*), 0), 2) AS share FROM hotline_request "
    f"WHERE {RATED} AND {WITHIN.format('closed_at', 'closed_at')} "
    "GROUP BY date_trunc('month', closed_at AT TIME ZONE 'Asia/Shanghai')) AS months",
    "hotline.on_time": "SELECT round(100.0 * count(*) FILTER (WHERE on_time) / nullif(count(*), 0), 2) FROM hotline_request "
    "WHERE on_time IS NOT NULL AND " + WITHIN.format("answered_at", "answered_at"),
    "hotline.signed_in_time": "SELECT round(100.0 * count(*) FILTER (WHERE signed_in_time) / nullif(count(*), 0), 2) FROM hotline_request "
    "WHERE signed_in_time IS NOT NULL AND " + WITHIN.format("received_at", "received_at"),
    "hotline.empty_replies": "SELECT round(100.0 * count(*) FILTER (WHERE empty_reply) / nullif(count(*), 0), 2) FROM hotline_request WHERE "
    + WITHIN.format("answered_at", "answered_at"),
    "hotline.repeated": "SELECT round(100.0 * count(*) FILTER (WHERE EXISTS (SELECT 1 FROM insight_repeatfinding f "
    "WHERE f.request_id = r.id AND f.judgement = 'confirmed')) / nullif(count(*), 0), 2) FROM hotline_request r WHERE split_from_id IS NULL AND "
    + WITHIN.format("received_at", "received_at"),
    "hotline.events": "SELECT count(DISTINCT event_id) FROM hotline_request WHERE event_id IS NOT NULL AND "
    + WITHIN.format("received_at", "received_at"),
    "hotline.answered_at_desk": "SELECT round(100.0 * count(*) FILTER (WHERE c.outcome = 'answered_at_desk') / nullif(count(*), 0), 2) "
    "FROM hotline_request r JOIN flow_case c ON c.id = r.case_id WHERE r.split_from_id IS NULL AND " + WITHIN.format("r.received_at", "r.received_at"),
    "hotline.returned": "SELECT round(100.0 * count(*) FILTER (WHERE decline_count > 0) / nullif(count(*), 0), 2) FROM hotline_request "
    "WHERE (signed_in_time IS NOT NULL OR decline_count > 0) AND " + WITHIN.format("received_at", "received_at"),
    "hotline.reworked": "SELECT round(100.0 * count(*) FILTER (WHERE rework_count > 0) / nullif(count(*), 0), 2) FROM hotline_request "
    "WHERE satisfaction <> '' AND " + WITHIN.format("closed_at", "closed_at"),
    "hotline.resolved": "SELECT round(100.0 * count(*) FILTER (WHERE resolved) / nullif(count(*), 0), 2) FROM hotline_request "
    "WHERE resolved IS NOT NULL AND NOT excluded AND " + WITHIN.format("closed_at", "closed_at"),
    "hotline.reached": "SELECT round(100.0 * count(*) FILTER (WHERE satisfaction <> 'unreached') / nullif(count(*), 0), 2) "
    "FROM hotline_request WHERE satisfaction <> '' AND " + WITHIN.format("closed_at", "closed_at"),
    "hotline.unreasonable": "SELECT count(*) FROM hotline_request WHERE excluded AND " + WITHIN.format("closed_at", "closed_at"),
    "hotline.open": "SELECT count(*) FROM hotline_request WHERE closed_at IS NULL AND " + WITHIN.format("received_at", "received_at"),
    "hotline.handling_hours": "SELECT round(sum(c.seconds) / 3600.0, 2) FROM hotline_charge c "
    "JOIN hotline_request r ON r.id = c.request_id WHERE " + WITHIN.format("r.closed_at", "r.closed_at"),
    "appraisal.deducted": "SELECT coalesce(sum(d.points), 0) FROM appraisal_deduction d JOIN appraisal_period p ON p.id = d.period_id "
    "WHERE p.month >= %s AND p.month < %s",
}  # fmt: skip


@pytest.fixture
def people(city):
    services.publish_specs(SYSTEM, [spec for domain in manifests() for spec in domain.reports])
    builder = Builder()
    return {"director": builder.actor("director"), "chief": builder.actor("chief", "BUREAU"),
            "manager": builder.actor("manager"), "appraiser": builder.actor("officer", "OVERSIGHT")}  # fmt: skip


def drafted(actor, code="hotline.annual", period=YEAR):
    return services.draft(actor, queries.editions(code).first(), period)


def counted(code, period_code=YEAR):
    period = parse(period_code)
    ends = (period.start, period.stop) if code.startswith("appraisal") else (period.start_at, period.stop_at)
    with connection.cursor() as cursor:
        cursor.execute(BY_HAND[code], ends)
        return cursor.fetchone()[0]


def test_每个热线指标都有手写SQL():
    assert {each.code for each in all_measures() if each.code.startswith("hotline.")} <= set(BY_HAND)


@pytest.mark.parametrize("code", sorted(BY_HAND))
def test_指标等于手写SQL(city, code):
    assert float(value(SYSTEM, code, parse(YEAR)).value or 0) == float(counted(code) or 0)


def test_年度报告的数字等于手写SQL(people):
    document = queries.document(people["director"], drafted(people["director"]))
    printed = {note.code: note.text for note in document.notes if "party" not in note.url}
    assert set(printed) - {"hotline.handling_hours"} <= set(BY_HAND)
    for code in set(printed) & set(BY_HAND):
        number = printed[code].removesuffix("%").replace(",", "")
        assert float(number) == float(counted(code)), code


def test_数据资源年度报告每个数字有出处_存量截至期末(people):
    chief = people["chief"]
    found = drafted(chief, "reports.data")
    document = queries.document(chief, found)
    notes = {(note.code, note.period) for note in document.notes}
    assert {code.partition(".")[0] for code, _ in notes} == {
        "catalog", "census", "collection", "governance", "masters", "opendata", "sharing"}  # fmt: skip
    assert ("catalog.resources", f"截至{YEAR}-12-31") in notes and ("catalog.resources", f"{YEAR}年") in notes
    rows = [
        note.text for note in document.notes if note.code in ("collection.rows", "governance.checked", "sharing.calls")
    ]
    assert len(rows) == 3 and not any("." in text for text in rows), "rows and calls are whole numbers"
    issued = services.issue(chief, found)
    for sealed, derived, sound in queries.checked(chief, issued):
        assert sound and not derived.gone and not derived.come, sealed


def test_没有权限看背后记录的人编不了(people):
    with pytest.raises(Refused, match="数字会不全"):
        queries.document(people["director"], drafted(people["director"], "reports.data"))
    with pytest.raises(Invalid, match="until 只能是 end"):
        queries.tried(people["chief"], queries.editions("reports.data").first(), "{{ figure catalog.items until=now }}")


def test_发布即封存_可核验_改不动_可更正(people):
    director = people["director"]
    found = services.issue(director, drafted(director))
    text = found.body
    seals = SealedFigure.objects.filter(seal=found.seal)
    assert seals.count() >= len(text["notes"]) > 5
    for _sealed, derived, sound in queries.checked(director, found):
        assert sound and not derived.gone and not derived.come
        assert _sealed.value is None or round(float(derived.from_members), 2) == round(float(_sealed.value), 2), _sealed
    for change in ({"title": "改"}, {"state": State.DRAFT}, {"body": {}}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Report.objects.filter(pk=found.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Report.objects.filter(pk=found.pk).delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        Template.objects.filter(pk=found.template_id).update(text="改")
    with pytest.raises(Refused, match="已封存"):
        services.write_note(director, found, "再说", version=found.version)
    with pytest.raises(Invalid, match="更正原因"):
        services.correct(director, found, " ")
    again = services.correct(director, found, "漏计一件")
    with pytest.raises(Conflict):
        services.correct(director, found, "又一次")
    services.issue(director, again)
    found.refresh_from_db()
    assert found.state == State.SUPERSEDED and found.body == text
    assert queries.document(director, found).as_json() == text


def test_草稿只限编制单位_发布后可看(people):
    found = drafted(people["director"])
    assert queries.report(people["manager"], found.pk)
    for stranger in (people["chief"], people["appraiser"]):
        with pytest.raises(Refused):
            queries.report(stranger, found.pk)
        assert found not in queries.reports(stranger)
    with pytest.raises(Refused):
        services.issue(people["manager"], found)
    with pytest.raises(Refused, match="没有查看"):
        queries.tried(people["chief"], found.template, found.template.text)
    services.issue(people["director"], found)
    assert queries.document(people["chief"], queries.report(people["chief"], found.pk)).notes


def test_没有指标数字的报告不能发布_期间写错有明白的话(people):
    director = people["director"]
    made = services.save_template(director, "hotline.annual", "## 空\n\n{{ period }}无事。")
    with pytest.raises(Invalid, match="没有一个指标"):
        services.issue(director, services.draft(director, made, YEAR))
    with pytest.raises(Invalid, match="应写作 2026"):
        services.draft(director, made, f"{YEAR}-01")
    with pytest.raises(Refused):
        services.save_template(people["manager"], "hotline.annual", "改")
    with pytest.raises(Invalid, match="无法识别"):
        services.save_template(director, "hotline.annual", "{{ 错 }}")


def test_示范数据发布上月起草本月与全年数据工作_再来一次不变(people):
    demo.build(), demo.build()
    assert sorted(Report.objects.values_list("state", flat=True)) == ["draft", "draft", "issued"]


def test_页面都打得开_并拒绝无权者(people):
    demo.build()
    drafts = Report.objects.filter(state=State.DRAFT, template__code="hotline.bulletin")
    issued, draft = Report.objects.get(state=State.ISSUED), drafts.get()
    browsers = {}
    for name in ("director", "chief", "operator"):
        browsers[name] = Client()
        browsers[name].force_login(Account.objects.get(username=name))
    director = browsers["director"]
    paths = ["/reports/", f"/reports/{issued.pk}/", f"/reports/{draft.pk}/", f"/reports/{issued.pk}/check/",
             f"/reports/{issued.pk}/report.docx", "/reports/templates/hotline.bulletin/", "/figures/",
             "/figures/hotline.satisfaction/?part=denominator&by=month"]  # fmt: skip
    for path in paths:
        assert director.get(path).status_code == 200, path
    page = director.get(f"/reports/{issued.pk}/").content.decode()
    assert "演示数据，非真实统计" in page and "/figures/hotline.received/?period=" in page
    assert browsers["chief"].get(f"/reports/{draft.pk}/").status_code == 404
    assert browsers["chief"].get("/figures/hotline.received/").status_code == 403
    assert browsers["operator"].get("/reports/").status_code == 403
    rows = director.get("/figures/hotline.received/").content.decode()
    assert re.search(r'<td class="nowrap"><a href="[^"]+">12345-\d{4}-\d{6}</a>', rows), "编号不断成两行"
    assert director.get("/figures/no.such/").status_code == 404
    assert director.get("/figures/hotline.received/?period=bad").status_code == 422
    answer = director.post(f"/reports/{draft.pk}/", {"note": "{{ 错 }}", "version": draft.version})
    assert answer.status_code == 422 and "无法识别" in answer.content.decode()


def told(reporter):
    """What must never leave with a report: who reported, and how to reach him."""
    return {decrypt(each) for each in (reporter.name, reporter.phone) if each} - {""}


@pytest.mark.parametrize(("ending", "read"), [("docx", printed.of_docx), ("pdf", printed.of_pdf)])
def test_下载的报告带不出诉求人_举报件和保密件的原话也不(people, ending, read):
    """Both doors, draft and issued, as the head of the hotline, who may see every reporter on the page of a case."""
    demo.build()
    browser = Client()
    browser.force_login(Account.objects.get(username="director"))
    kept = set().union(*(told(reporter) for reporter in Reporter.objects.all()))
    secret = Request.objects.filter(Q(kind="report") | Q(confidential=True))
    kept |= {text for each in secret for text in (each.number, each.content[:12], each.address) if text}
    assert len(kept) > 100 and secret.exists()
    reports = Report.objects.filter(template__code="hotline.bulletin")
    assert {report.state for report in reports} == {State.DRAFT, State.ISSUED}
    for report in reports:
        text = read(browser.get(f"/reports/{report.pk}/report.{ending}").content)
        assert report.title in text and "共受理群众诉求" in text
        assert not [each for each in kept if each in text]
    # The reader of this test would see it: what an officer himself writes into the report goes with it.
    draft = reports.get(state=State.DRAFT)
    name = next(iter(sorted(told(Reporter.objects.exclude(phone="").first()))))
    services.write_note(people["director"], draft, f"附注{name}附注", version=draft.version)
    assert name in read(browser.get(f"/reports/{draft.pk}/report.{ending}").content)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["messages.xlsx", "replies.xlsx"])
def test_真实来件的月报与年报_每个数字等于手写SQL(people, name):
    """The first rows of the real files, imported through the register with their own times."""
    with (folder() / name).open("rb") as stream:
        table = sheets.read(stream, name)
    table = dataclasses.replace(table, rows=table.rows[:150])
    dispatcher = Builder().actor("dispatcher")
    result = rows_of(dispatcher, REQUESTS, table, guess(dispatcher, REQUESTS, table.headers))
    assert not result.errors and result.created == 150
    month = Request.objects.exclude(external_number="").order_by("received_at").last().received_at.strftime("%Y-%m")
    for code, period in (("hotline.bulletin", month), ("hotline.annual", month[:4])):
        document = queries.document(people["director"], drafted(people["director"], code, period))
        now = parse(period).label
        printed = {note.code: note.text for note in document.notes if "&d." not in note.url and note.period == now}
        assert "hotline.received" in printed
        for measure in set(printed) & set(BY_HAND):
            number = printed[measure].removesuffix("%").replace(",", "")
            by_hand = None if "—" in number else float(number)
            assert (by_hand or 0) == float(counted(measure, period) or 0), (measure, period)


def test_指标页按领域列出本期与上期的数_首页列出领域推荐的(people):
    director, chief = Client(), Client()
    director.force_login(account := Account.objects.get(username="director"))
    chief.force_login(Account.objects.get(username="chief"))
    actor, month = actor_of(account), parse(f"{timezone.localdate():%Y-%m}")
    listed = director.get("/figures/", {"period": month.code}).content.decode()
    assert (
        f"/figures/of/hotline/?period={month.code}" in listed
        and month.label in listed
        and before(month).label in listed
    )
    page = director.get("/figures/of/hotline/", {"period": month.code}).content.decode()
    for measure in (each for each in all_measures() if each.code.startswith("hotline.")):
        row = next(each for each in page.split("<tr>") if f'/figures/{measure.code}/?period={month.code}"' in each)
        for period in (month, before(month)):
            found = value(actor, measure.code, period)
            assert f">{found.text}<" in row and found.fraction in row and escape(found.url) in row, (
                measure.code,
                period.code,
            )
    assert value(actor, "hotline.received", month).numerator > 0
    home, heads = director.get("/").content.decode(), director.get("/figures/headlines/").content.decode()
    put = [code for domain in manifests() for code in domain.headlines]
    assert set(put) <= {measure.code for measure in all_measures()} and len(put) == len(set(put))
    for code in (code for code in put if code.startswith("hotline.")):
        assert f"/figures/{code}/" in home and escape(value(actor, code, month).url) in heads
    assert chief.get("/figures/of/hotline/").status_code == 404 == director.get("/figures/of/nothing/").status_code
    assert "hotline." not in chief.get("/figures/headlines/").content.decode() + chief.get("/").content.decode()
    wrong = director.get("/figures/", {"period": "2026-13"})
    assert wrong.status_code == 422 and "无法识别" in wrong.content.decode()
