"""热线的读取；每个读取都经过数据范围。"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from yiwang.city.hotline.models import (
    Callback,
    Event,
    Exclusion,
    Reply,
    Reporter,
    Request,
    TriageDecision,
    TriageModel,
)
from yiwang.city.hotline.terms import DISPATCHER, Kind
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.access.models import RoleHolding
from yiwang.kernel.crypto import decrypt, mac
from yiwang.kernel.crypto.masks import mask, mask_text
from yiwang.kernel.files.queries import of as files_of
from yiwang.kernel.flow.models import Case
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.queries import followed, visible
from yiwang.kernel.flow.terms import OUTCOMES
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.orgs.models import Organisation, Region
from yiwang.kernel.search.text import bigrams
from yiwang.kernel.ui.sections import Fact, Section

TRAINING = "hotline.train"
TRACKING_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
MATERIALS = "hotline.request"
HIDDEN = "（按规定保密）"
REPORTER = "（诉求人）"
ADDRESSED = "先生|女士|小姐|大姐|大哥|阿姨|师傅|老师|同志|老板|太太"


@dataclass(frozen=True)
class ReporterView:
    """What this actor may know of the reporter; hidden values carry the reason in their place."""

    name: str
    phone: str
    wants_callback: bool
    hidden: bool


def digits_of(phone: str) -> str:
    """The number itself, however it was written: with spaces, hyphens or the country's prefix."""
    digits = re.sub(r"\D", "", phone)
    mobile = re.fullmatch(r"(?:00)?86(1\d{10})", digits)
    return mobile[1] if mobile else digits


def identity_of(*, phone: str = "", external_user: str = "", fallback: str = "") -> str:
    """The one-way mark of a person: same phone or same external user is the same person, else each is its own."""
    if phone:
        return mac(f"phone:{digits_of(phone)}".encode())
    if external_user:
        return mac(f"user:{external_user}".encode())
    return mac(f"single:{fallback}".encode())


def identity_again(request: Request) -> str:
    """The same person's mark under the platform's current key; "" when nothing tells who it was."""
    stored = getattr(request, "reporter", None)
    if stored is None or not (stored.phone or stored.external_user):
        return ""
    return identity_of(phone=decrypt(stored.phone) if stored.phone else "", external_user=stored.external_user)


def requests(actor: Actor, verb: str = "view") -> QuerySet[Request]:
    return doors.rows(actor, "hotline.request", verb)


def request(actor: Actor, pk: int, verb: str = "view") -> Request:
    found: Request = doors.row(actor, "hotline.request", pk, verb)
    return found


def may_see_reporter(actor: Actor, found: Request) -> bool:
    """Hotline staff may; of reports (举报) and confidential requests the handling unit never does."""
    if actor.can("hotline.reporter", "view"):
        return True
    return not secret(found)


def secret(found: Request) -> bool:
    """Whether the reporter is kept from every handling unit: reports (举报) and requests asked to be confidential."""
    return found.kind == Kind.REPORT or found.confidential


def reporter(actor: Actor, found: Request) -> ReporterView:
    stored = Reporter.objects.filter(request=found).first()
    if stored is None:
        return ReporterView("", "", False, False)
    if not may_see_reporter(actor, found):
        return ReporterView(HIDDEN, HIDDEN, stored.wants_callback, True)
    name, phone = (decrypt(value) if value else "" for value in (stored.name, stored.phone))
    if actor.can("hotline.reporter", "unmask"):
        return ReporterView(name, phone, stored.wants_callback, False)
    return ReporterView(mask("name", name), mask("phone", phone), stored.wants_callback, False)


def redact(text: str, *, name: str = "", phone: str = "") -> str:
    """The text without the reporter: the given name and number, the surname with a form of address, and every number
    that could be one's own."""
    for said in (phone.strip(), name.strip()):
        if len(said) >= 2:
            text = text.replace(said, REPORTER)
    shown = mask_text(text)
    surname = mask("name", name).rstrip("*")
    return re.sub(f"{re.escape(surname)}(?:某某?|{ADDRESSED})", REPORTER, shown) if surname else shown


def reading(actor: Actor, found: Request) -> Callable[[str], str]:
    """How free text about a request (opinions, replies, remarks) reads for the actor: in full for who may see the
    telephone, else without numbers, and of a secret reporter without the name in any of its usual forms."""
    if actor.system or actor.can("hotline.reporter", "unmask"):
        return str
    if may_see_reporter(actor, found):
        return mask_text
    stored = Reporter.objects.filter(request=found).first()
    name, phone = (decrypt(each) if each else "" for each in (stored.name, stored.phone)) if stored else ("", "")
    return lambda text: redact(text, name=name, phone=phone)


def statement(actor: Actor, found: Request) -> str:
    """What was said, in the original words only for who may know the reporter; numbers only for who may see them."""
    if may_see_reporter(actor, found):
        stored = Reporter.objects.filter(request=found).first()
        if stored is not None and stored.statement:
            return reading(actor, found)(decrypt(stored.statement))
    return found.content


def hidden_fields(actor: Actor, found: Request) -> list[str]:
    """Fields of the timeline that would tell who reported: what the reporter said in the callback."""
    return [] if may_see_reporter(actor, found) else ["comment"]


def may_read_materials(actor: Actor, pk: int) -> bool:
    """What the reporter handed in: for who sees the request or a part of it; of a secret one, who may know the reporter."""
    found = Request.objects.filter(Q(pk=pk) | Q(split_from=pk)).select_related("case")
    return any(visible(actor, each.case) and may_see_reporter(actor, each) for each in found)


def caller_history(actor: Actor, phone: str, limit: int = 10) -> list[Request]:
    """Earlier requests of the same telephone, for the desk only."""
    actor.require("hotline.reporter", "view")
    if not phone:
        return []
    return list(requests(actor).filter(identity=identity_of(phone=phone)).select_related("case")[:limit])


def similar(actor: Actor, text: str, *, limit: int = 8, exclude: int | None = None) -> list[Request]:
    """Requests sharing the most two-character words with `text`, newest first among equals."""
    terms = sorted(set(bigrams(text)))[:60]
    if len(terms) < 3:
        return []
    found = requests(actor).filter(search_terms__overlap=terms).select_related("case").order_by("-received_at")
    if exclude:
        found = found.exclude(pk=exclude)
    wanted = set(terms)
    candidates = found[:400]
    ranked = sorted(candidates, key=lambda each: -len(wanted.intersection(each.search_terms)))
    return [each for each in ranked[:limit] if len(wanted.intersection(each.search_terms)) >= max(3, len(wanted) // 5)]


def tracking_code() -> str:
    """Sixty bits drawn at random; without letters and digits that are taken for one another."""
    drawn = secrets.randbits(60)
    return "".join(TRACKING_ALPHABET[drawn >> place & 31] for place in range(0, 60, 5))


def tracked(code: str) -> Request:
    """The public follow-up by tracking code; the sentence does not tell whether a similar code exists."""
    found = Request.objects.filter(tracking_code=code.strip().upper()).select_related("case", "organisation").first()
    if found is None:
        raise Refused("没有找到这个查询码。请核对受理回执上的 12 位查询码。", code="absent")
    return found


def handled_as(found: Request) -> Request:
    """The request in which this one is handled: itself, or the one it was merged into."""
    into = followed(found.case)
    return found if into.pk == found.case_id else Request.objects.select_related("case", "organisation").get(case=into)


def public_requests() -> QuerySet[Request]:
    """What anybody may read: consented, neither a report nor confidential."""
    shown = Request.objects.filter(public=True, confidential=False, case__secrecy=0).exclude(kind=Kind.REPORT)
    return shown.select_related("case", "organisation").order_by("-received_at", "-id")


def active_model() -> TriageModel | None:
    """The model in force, without its megabytes, which are read when first asked for."""
    return TriageModel.objects.filter(active=True).defer("artefact").first()


def received_on(found: Request) -> date:
    """The day of receipt as the city counts days: the dictionary in force on it decides."""
    return timezone.localdate(found.received_at)


def last_training() -> Job | None:
    """The latest training, whoever asked for it: its message holds figures alone."""
    return Job.objects.filter(name=TRAINING).select_related("owner").order_by("-id").first()


def texts(found: Sequence[Request]) -> list[str]:
    return [f"{each.title} {each.content}" for each in found]


def facts(found: Request) -> dict[str, Any]:
    """What the ledger keeps of a request: no identity, no telephone."""
    return {
        "number": found.number,
        "channel": found.channel,
        "kind": found.kind,
        "title": found.title,
        "category": found.category,
        "matter": found.matter_code,
        "received_at": found.received_at.isoformat(),
    }


def operator_organisation_id(actor: Actor) -> int:
    """The hotline centre: the actor's own organisation if it dispatches, else the one that does."""
    today = timezone.localdate()
    holdings = RoleHolding.objects.filter(role__code=DISPATCHER, valid_from__lte=today).filter(
        Q(valid_until=None) | Q(valid_until__gte=today)
    )
    found = sorted(set(holdings.values_list("post__organisation_id", flat=True)))
    if not found:
        raise Refused(
            "还没有派单机构：没有岗位持有“热线派单员”角色。请安全管理员先把该角色授予热线机构的岗位。",
            code="no_operator",
        )
    return actor.organisation_id if actor.organisation_id in found else found[0]


def regions() -> QuerySet[Region]:
    """The divisions a request may be placed in."""
    return Region.objects.order_by("code")


def model_versions() -> QuerySet[TriageModel]:
    """All classifiers, newest first, without their weights."""
    return TriageModel.objects.defer("artefact").order_by("-trained_at")


def known_places() -> tuple[str, ...]:
    """Names of the divisions on the books, for finding where a text speaks of."""
    return tuple(Region.objects.values_list("name", flat=True))


def organisation_of_district(district: str) -> int | None:
    """The subdistrict office of that name, if the organisation tree has it."""
    if not district:
        return None
    found = Organisation.objects.filter(
        Q(name__startswith=district) | Q(short_name=district), kind=Organisation.Kind.SUBDISTRICT, valid_until=None
    )
    return found.values_list("pk", flat=True).first()


def stage_name(case: Case) -> str:
    """What the public is told: the outcome when closed, else the stage."""
    flow = flow_of(case.version_id)
    if case.status == "closed":
        return OUTCOMES.get(case.outcome) or flow.outcome_name(case.outcome)
    return flow.stage(case.stage).name


def waiting_for_dispatch(actor: Actor) -> QuerySet[Request]:
    waiting = requests(actor, "triage").filter(case__status="open", case__stage="dispatch")
    found = waiting.select_related("case", "organisation").prefetch_related("triage_decisions")
    return found.order_by("received_at", "pk")


def decided_texts(actor: Actor) -> tuple[list[str], list[str]]:
    """Texts whose category a person decided: what a city may train on."""
    decided = TriageDecision.objects.filter(person__isnull=False, request__in=requests(actor)).select_related("request")
    latest = {each.request_id: each for each in decided.order_by("pk")}
    return texts([each.request for each in latest.values()]), [each.decided for each in latest.values()]


def triage_log(actor: Actor) -> QuerySet[TriageDecision]:
    found = TriageDecision.objects.filter(request__in=requests(actor)).select_related("request", "person", "model")
    return found.defer("model__artefact").order_by("-pk")


def events(actor: Actor) -> QuerySet[Event]:
    """Events with people and requests counted; one person with many requests is one."""
    visible: QuerySet[Event] = doors.rows(actor, "hotline.event")
    return visible.annotate(
        people=Count("requests__identity", distinct=True), number=Count("requests", distinct=True)
    ).order_by("-people", "pk")


def sections(actor: Actor, found: Request) -> list[Section]:
    """What the case page shows of a request beside the engine's own: text, reporter, replies, callbacks, evidence."""
    person = reporter(actor, found)
    hides = not may_see_reporter(actor, found)
    matter = f"{found.matter_name}（{found.matter_code}，词典 {found.edition}）" if found.matter_code else "未定"
    shown = [
        Section("诉求", (
            Fact("内容", statement(actor, found), wide=True), Fact("来源", found.get_channel_display()), Fact("类别", found.get_kind_display()),
            Fact("受理时间", _moment(found.received_at)), Fact("分类", found.category or "未分类"), Fact("事项", matter),
            Fact("地址", found.address or found.district or "—"),
        )),
        Section("诉求人", (
            Fact("称呼", person.name or "—"), Fact("电话", person.phone or "—"),
            Fact("需要回访", "是" if person.wants_callback else "否"),
        )),
    ]  # fmt: skip
    given = files_of((MATERIALS, found.split_from_id or found.pk))
    materials = tuple(
        Fact("附件", HIDDEN if hides else each.name, url="" if hides else f"/files/{each.pk}/") for each in given
    )
    shown += [Section("诉求人提供的材料", materials)] if materials else []
    reads = reading(actor, found)
    shown += [_reply_section(reply, reads) for reply in found.replies.select_related("organisation", "author")]
    shown += [_callback_section(call, hides, reads) for call in found.callbacks.select_related("caller")]
    alike = similar(actor, f"{found.title} {found.content}", limit=5, exclude=found.pk)
    links = tuple(Fact(each.number, each.title, url=f"/cases/{each.case_id}/", wide=True) for each in alike)
    return [*shown, Section("相似诉求", links)] if links else shown


def ways(actor: Actor, found: Request) -> list[tuple[str, str]]:
    """The hotline's own pages of a request that are open to the actor now."""
    case, here = found.case, reverse("hotline_request", args=[found.pk])
    shown = []
    if case.status == "open" and actor.can("hotline.request", "triage"):
        shown.append(("改事项" if found.matter_code else "定事项", f"{here}matter/"))
        if case.stage == "dispatch" and DISPATCHER in actor.roles:
            shown.append(("拆单", f"{here}split/"))
    if case.status != "closed" and not secret(found) and actor.can("hotline.reporter", "contact"):
        shown.append(("查看联系方式", f"{here}contact/"))
    may = found.closed_at and not found.excluded and actor.can("hotline.request", "exclude")
    if may and not found.exclusions.filter(upheld=None).exists():
        shown.append(("申请无理由认定", f"/r/hotline.request/{found.pk}/act/exclude/"))
    return shown


def exclusion_reading(actor: Actor, exclusion: Exclusion) -> Callable[[str], str]:
    return reading(actor, exclusion.request)


def _moment(at: datetime) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M")


def _reply_section(reply: Reply, reads: Callable[[str], str]) -> Section:
    """The reply, with the evidence first when it says nothing (“已收悉”)."""
    warning = (
        (Fact("系统提示", f"疑似无实质内容的答复：{reply.empty_evidence['reason']}", wide=True),)
        if reply.empty_evidence
        else ()
    )
    facts_ = (*warning, Fact("答复内容", reads(reply.text), wide=True), Fact("答复人", str(reply.author or "—")))
    return Section(f"答复 · {reply.organisation} · {_moment(reply.replied_at)}", facts_)


def _callback_section(call: Callback, secret: bool, reads: Callable[[str], str]) -> Section:
    solved = {True: "是", False: "否", None: "未问明"}[call.resolved]
    facts_ = (Fact("结果", call.get_result_display()), Fact("已解决", solved), Fact("回访人", str(call.caller or "—")),
              Fact("诉求人意见", HIDDEN if secret and call.comment else reads(call.comment) or "—", wide=True))  # fmt: skip
    return Section(f"回访 · {_moment(call.called_at)}", facts_)
