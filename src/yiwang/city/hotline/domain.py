"""12345 热线。"""

from pathlib import Path

from yiwang.city.hotline import api, flows, jobs, measures, pages, queries, registers
from yiwang.city.hotline.demo import build
from yiwang.city.hotline.models import Exclusion, Request
from yiwang.city.hotline.services.exclusions import on_exclusion
from yiwang.city.hotline.services.handling import on_request, suggested
from yiwang.city.hotline.terms import CALLER, DISPATCHER, HANDLER, MANAGER, OPERATOR
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow.kinds import CaseKind
from yiwang.kernel.measures.declarations import ReportSpec
from yiwang.kernel.pages.limits import limit_grants, limit_menu
from yiwang.kernel.pages.manifest import Domain, MenuItem, PublicItem, RoleSpec

TEXTS = Path(__file__).parent / "templates" / "hotline"
REQUEST, REPORTER, EXCLUSION = "hotline.request", "hotline.reporter", "hotline.exclusion"
DICTIONARY = (("command.matter", "view", Scope.ALL), ("command.edition", "view", Scope.ALL))


def _all(*grants: tuple[str, str]) -> tuple[tuple[str, str, Scope], ...]:
    return tuple((resource, verb, Scope.ALL) for resource, verb in grants)


ROLES = (
    RoleSpec(OPERATOR, "话务员", (
        *_all((REQUEST, "view"), (REQUEST, "add"), (REPORTER, "view"), (REPORTER, "unmask")), *DICTIONARY)),
    RoleSpec(DISPATCHER, "派单员", (
        *_all((REQUEST, "view"), (REQUEST, "add"), (REQUEST, "triage"), (REQUEST, "export"), (REQUEST, "import"),
              (REPORTER, "view"), ("insight.repeat", "judge"), ("insight.repeat", "find"), ("insight.topic", "run"),
              ("hotline.event", "view"), ("hotline.event", "add"), ("hotline.event", "change"),
              ("hotline.triage_model", "view")), *limit_grants("hotline", "view"), *DICTIONARY)),
    RoleSpec(HANDLER, "承办员", (
        (REQUEST, "view", Scope.TREE), (REQUEST, "exclude", Scope.TREE), (REQUEST, "export", Scope.TREE),
        (EXCLUSION, "view", Scope.TREE), ("hotline.charge", "view", Scope.TREE), (REPORTER, "contact", Scope.TREE),
        *limit_grants("hotline", "view"), *DICTIONARY)),
    RoleSpec(CALLER, "回访员", (
        *_all((REQUEST, "view"), (REPORTER, "view"), (REPORTER, "unmask"), (EXCLUSION, "view")), *DICTIONARY)),
    RoleSpec(MANAGER, "热线负责人", (
        *_all((REQUEST, "view"), (REQUEST, "add"), (REQUEST, "triage"), (REQUEST, "export"), (REQUEST, "import"),
              (REQUEST, "exclude"), (REPORTER, "view"), ("insight.repeat", "judge"), ("insight.repeat", "find"),
              ("insight.topic", "run"), ("hotline.event", "view"), ("hotline.event", "add"), ("hotline.event", "change"),
              ("hotline.triage_model", "view"), ("hotline.triage_model", "add"), (EXCLUSION, "view"),
              ("hotline.charge", "view"), ("hotline.contact", "view"), ("hotline.contact", "export"), ("appraisal.period", "view"), ("appraisal.deduction", "view")),
        *limit_grants("hotline", "view", "export", "declare"), *DICTIONARY)),
)  # fmt: skip

DOMAIN = Domain(
    code="hotline",
    name="12345 热线",
    basis=("国办发〔2020〕53号", "GB/T 33358-2016", "GB/T 44189-2024"),
    wing="city",
    menu=(
        MenuItem("话务台", "/hotline/desk/", (REQUEST, "add"), icon="phone"),
        MenuItem("派单台", "/hotline/triage/", (REQUEST, "triage"), icon="flow"),
        MenuItem("诉求台账", "/r/hotline.request/", (REQUEST, "view"), icon="list"),
        MenuItem("无理由认定", "/r/hotline.exclusion/", (EXCLUSION, "view"), icon="flag"),
        MenuItem("联系方式查看记录", "/r/hotline.contact/", ("hotline.contact", "view"), icon="list"),
        MenuItem("分类模型", "/hotline/models/", ("hotline.triage_model", "view"), icon="gear"),
        limit_menu("hotline", "热线时限"),
    ),
    roles=ROLES,
    flows=flows.FLOWS,
    registers=(
        registers.REQUESTS,
        registers.EVENTS,
        registers.EXCLUSIONS,
        registers.CHARGES,
        registers.CONTACTS,
        registers.LIMITS,
    ),
    measures=measures.MEASURES,
    headlines=("hotline.received", "hotline.on_time", "hotline.satisfaction", "hotline.open"),
    reports=(
        ReportSpec(
            "hotline.bulletin", "政府热线月度通报", (TEXTS / "bulletin.md").read_text(encoding="utf-8"), "month"
        ),
        ReportSpec("hotline.annual", "政府热线年度工作情况", (TEXTS / "annual.md").read_text(encoding="utf-8"), "year"),
    ),
    case_kinds=(
        CaseKind(
            "hotline.request",
            REQUEST,
            Request,
            sections=queries.sections,
            hidden=queries.hidden_fields,
            wording=queries.reading,
            links=queries.ways,
            suggested=suggested,
            on_event=on_request,
        ),
        CaseKind("hotline.exclusion", EXCLUSION, Exclusion, wording=queries.exclusion_reading, on_event=on_exclusion),
    ),
    public=(
        PublicItem("反映诉求", "/public/hotline/", "咨询、求助、投诉、举报、建议；提交后凭查询码查看进展。"),
        PublicItem("查询进展", "/public/hotline/track/", "凭受理回执上的 12 位查询码查看办理情况和答复。"),
    ),
    urls=(*pages.URLS, *api.URLS),
    jobs=jobs.JOBS,
    demo=build,
    demo_after=("command",),
    words=(
        ("ground", "认定理由"),
        ("matter", "事项"),
        ("people", "人数"),
        ("requests", "诉求"),
        ("hotline.apply_exclusion", "认定无理由诉求"),
        ("hotline.assign_matter", "指定事项"),
        ("hotline.decide_category", "确定类别"),
        ("hotline.group_event", "归并群体事件"),
        ("hotline.judge_repeat", "认定重复"),
        ("hotline.register", "登记诉求"),
        ("hotline.train_triage", "训练分类模型"),
        ("hotline.view_contact", "查看联系方式"),
    ),
)
