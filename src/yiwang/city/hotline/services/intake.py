"""受理：电话台、网页、接口、批量导入都走这一个入口。"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Reporter, Request, TriageDecision
from yiwang.city.hotline.services import triage
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import Actor, Invalid, Permission
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.bulk import copying
from yiwang.kernel.crypto import encrypt
from yiwang.kernel.crypto.masks import mask_text
from yiwang.kernel.files.doors import register_owner
from yiwang.kernel.files.queries import of as files_of
from yiwang.kernel.files.services import store
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.models import Case
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.search.places import division, places
from yiwang.kernel.search.text import bigrams, normalise

LONGEST_CONTENT = 20_000
MOST_FILES, LARGEST_FILE = 5, 10 << 20
# The public web form acts through this desk: it may register and nothing else.
WEB_DESK = Actor(
    person_id=None,
    account_id=None,
    name="网上受理",
    permissions={("hotline.request", "add"): (Permission(Scope.OWN, 0, ""),)},
)


@dataclass(frozen=True)
class Intake:
    """What a reporter says, on any channel. `received_at` is the lawful instant; None means now."""

    channel: Channel
    kind: Kind
    title: str
    content: str
    received_at: datetime | None = None
    name: str = ""
    phone: str = ""
    external_user: str = ""
    wants_callback: bool = True
    confidential: bool = False
    public: bool = False
    region_id: int | None = None
    address: str = ""
    longitude: Decimal | None = None
    latitude: Decimal | None = None
    source: str = ""
    external_number: str = ""
    likes: int = 0
    dislikes: int = 0
    category: str = ""


def check(intake: Intake) -> None:
    errors: dict[str, list[str]] = {}
    if not intake.title.strip():
        errors["title"] = ["请填写诉求标题"]
    elif len(intake.title) > 200:
        errors["title"] = ["标题不超过 200 字，其余写入内容"]
    if not intake.content.strip():
        errors["content"] = ["请填写诉求内容"]
    elif len(intake.content) > LONGEST_CONTENT:
        errors["content"] = [f"内容不超过 {LONGEST_CONTENT} 字，材料请作为附件上传"]
    if intake.received_at and intake.received_at > timezone.now():
        errors["received_at"] = ["受理时间不能晚于现在"]
    digits = intake.phone.replace("-", "").replace(" ", "").removeprefix("+")
    if intake.phone and not (digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 15):
        errors["phone"] = ["电话号码应为 5 至 15 位数字，可带区号和短横"]
    if errors:
        first = next(iter(errors.values()))[0]
        raise Invalid(f"诉求未登记：{first}。", errors=errors)


@dataclass(frozen=True)
class Wording:
    """The words of a request as each table keeps them. Title and content stand on lists, exports and interfaces, so
    they never hold a number; the original, where it differs, is kept with the reporter."""

    title: str
    content: str
    statement: str


def wording(intake: Intake) -> Wording:
    """Of reports and confidential requests the original goes to the reporter's table only (GB/T 33358-2016 保密办理)."""
    title, content = normalise(intake.title), intake.content.strip()
    if intake.kind == Kind.REPORT or intake.confidential:
        named = {"name": intake.name, "phone": intake.phone}
        redact = queries.redact
        return Wording(redact(title, **named), redact(content, **named), f"{title}\n{content}")
    safe, shown = mask_text(title), mask_text(content)
    if safe != title:
        return Wording(safe, shown, f"{title}\n{content}")
    return Wording(title, shown, content if shown != content else "")


def district_of(text: str, known: Sequence[str]) -> str:
    """The division the text speaks of: a known one, else the first that is named like one; empty when it says none."""
    named = division(text, known)
    if named is None:
        named = next((place.name for place in places(text) if place.kind in ("division", "township")), "")
    return named[:40]


def _opening(intake: Intake, words: Wording, organisation_id: int, stage: str, key: str) -> flow.Opening:
    data = {"channel": intake.channel, "kind": intake.kind}
    return flow.Opening(words.title, organisation_id, data, intake.received_at, stage, key)


def _build(
    actor: Actor, intake: Intake, case: Case, words: Wording, organisation_id: int, known: Sequence[str]
) -> tuple[Request, Reporter]:
    title, content = words.title, words.content
    fallback = intake.external_number or str(case.pk)
    request = Request(
        case=case,
        number=case.number,
        channel=intake.channel,
        kind=intake.kind,
        title=title,
        content=content,
        received_at=case.opened_at,
        region_id=intake.region_id,
        district=district_of(f"{title} {content}", known),
        address=intake.address,
        longitude=intake.longitude,
        latitude=intake.latitude,
        source=intake.source,
        external_number=intake.external_number,
        tracking_code=queries.tracking_code(),
        identity=queries.identity_of(phone=intake.phone, external_user=intake.external_user, fallback=fallback),
        confidential=intake.confidential,
        public=intake.public,
        category=intake.category,
        likes=intake.likes,
        dislikes=intake.dislikes,
        organisation_id=organisation_id,
        created_by_id=actor.person_id,
        search_terms=sorted(set(bigrams(f"{title} {content}")))[:400],
    )
    reporter = Reporter(
        request=request,
        name=encrypt(intake.name) if intake.name else "",
        phone=encrypt(intake.phone) if intake.phone else "",
        external_user=intake.external_user,
        statement=encrypt(words.statement) if words.statement else "",
        wants_callback=intake.wants_callback,
    )
    return request, reporter


@transaction.atomic
def register_request(actor: Actor, intake: Intake, *, submit: bool = True, key: str = "") -> Request:
    """Register one request; with `submit` it goes on to dispatch at once. The same key gives the same request."""
    return register_many(actor, [intake], submit=submit, keys=[key])[0]


@transaction.atomic
def register_with_files(
    actor: Actor, intake: Intake, uploads: "Sequence[UploadedFile[Any]]", *, submit: bool = True, key: str = ""
) -> Request:  # fmt: skip
    """Register one request with what the reporter hands in, or neither; a repeated key adds nothing."""
    if len(uploads) > MOST_FILES:
        raise Invalid(f"附件至多 {MOST_FILES} 个，诉求未登记。", errors={"file": [f"至多 {MOST_FILES} 个"]})
    request = register_request(actor, intake, submit=submit, key=key)
    owner = (queries.MATERIALS, request.pk)
    for each in uploads if not files_of(owner).exists() else ():
        name = queries.redact(each.name or "附件", name=intake.name, phone=intake.phone)
        store(actor, name, cast(BinaryIO, each), owner=owner, limit=LARGEST_FILE, sealing=queries.secret(request))
    return request


@transaction.atomic
def register_for_matter(actor: Actor, intake: Intake, code: str, *, key: str = "") -> Request:
    """Register and fix the matter, or neither; a repeated key leaves the matter as it is by now."""
    actor.require("hotline.request", "triage")
    request = register_request(actor, intake, key=key)
    return request if request.matter_code else triage.assign_matter(actor, request.pk, code)


@transaction.atomic
def register_many(
    actor: Actor, intakes: Sequence[Intake], *, submit: bool = True, keys: Sequence[str] | None = None
) -> list[Request]:
    """Register all or none, with triage proposals of one batch. Order of the result is the order given; a key used
    before gives the request it made then."""
    actor.require("hotline.request", "add")
    if not intakes:
        raise Invalid("没有可登记的诉求。请先填写或导入。")
    organisation_id = queries.operator_organisation_id(actor)
    stage = "dispatch" if submit else "registration"
    for intake in intakes:
        check(intake)
    known, said, given = queries.known_places(), [wording(intake) for intake in intakes], keys or [""] * len(intakes)
    openings = [
        _opening(intake, words, organisation_id, stage, key)
        for intake, words, key in zip(intakes, said, given, strict=True)
    ]
    cases = flow.open_cases(actor, "hotline.request", openings)
    there = {each.case_id: each for each in Request.objects.filter(case__in=cases)} if any(given) else {}
    made = [
        _build(actor, intake, case, words, organisation_id, known)
        for intake, words, case in zip(intakes, said, cases, strict=True) if case.pk not in there
    ]  # fmt: skip
    requests = [request for request, _ in made]
    by_case = there | {request.case_id: request for request in requests}
    found = [by_case[case.pk] for case in cases]
    if not requests:
        return found
    decisions = triage.propose(actor, requests)
    copying.insert(Request, requests)
    copying.insert(Reporter, (reporter for _, reporter in made))
    copying.insert(TriageDecision, decisions)
    ledger.record(
        actor,
        "hotline.register",
        ("hotline.request", requests[0].pk if len(requests) == 1 else 0),
        after={
            "numbers": [request.number for request in requests],
            "channel": sorted({each.channel for each in requests}),
        },
        organisation_id=organisation_id,
    )
    return found


register_owner(queries.MATERIALS, queries.may_read_materials)
