"""公众反馈：意见、纠错、开放需求；成为办理单，有时限。"""

from dataclasses import dataclass

from django.db import transaction

from yiwang.data.opendata import queries
from yiwang.data.opendata.models import Dataset, Feedback
from yiwang.data.opendata.terms import CONTACT, REVIEWER, FeedbackKind
from yiwang.kernel.access.actors import Actor, Invalid, Permission, Refused
from yiwang.kernel.access.models import RoleHolding
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.crypto import encrypt
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event

# The public form acts through this desk: it may hand in and nothing else.
DESK = Actor(person_id=None, account_id=None, name="开放平台",
             permissions={("opendata.feedback", "add"): (Permission(Scope.OWN, 0, ""),)})  # fmt: skip


@dataclass(frozen=True)
class Words:
    """What somebody says; `contact` is sealed before it is kept."""

    kind: str
    title: str
    content: str
    contact: str = ""


def _check(words: Words, dataset: Dataset | None) -> None:
    errors: dict[str, list[str]] = {}
    if words.kind not in FeedbackKind.values:
        errors["kind"] = ["请选一个类别"]
    if not 2 <= len(words.title.strip()) <= 120:
        errors["title"] = ["2 至 120 个字"]
    if not 5 <= len(words.content.strip()) <= 3000:
        errors["content"] = ["5 至 3000 个字，写明哪里不对、希望怎样"]
    if len(words.contact) > 100:
        errors["contact"] = ["不超过 100 个字"]
    if words.kind == FeedbackKind.CORRECTION and dataset is None:
        errors["kind"] = ["纠错须从该数据集的页面提交"]
    if errors:
        raise Invalid("没有提交，请按提示改正。", errors=errors)


def _bureau() -> int:
    unit = (
        RoleHolding.objects.filter(role__code=REVIEWER)
        .order_by("pk")
        .values_list("post__organisation", flat=True)
        .first()
    )
    if unit is None:
        raise Refused("本平台还没有设置开放审核岗位，暂不能受理。请稍后再试。", code="unready")
    return unit


@transaction.atomic
def submit(actor: Actor, words: Words, dataset: Dataset | None = None, *, key: str = "") -> Feedback:
    """Take feedback in; a repeated `key` gives the same receipt. It goes to the provider, a new wish to the bureau."""
    actor.require("opendata.feedback", "add")
    _check(words, dataset)
    to_bureau = dataset is None or words.kind == FeedbackKind.WANTED
    unit = _bureau() if to_bureau or dataset is None else dataset.organisation_id
    case = flow.open_case(
        actor, "opendata.feedback", words.title, organisation_id=unit, data={"kind": str(words.kind)},
        stage="bureau" if to_bureau else "provider", is_demo=dataset.is_demo if dataset else False, key=key,
    )  # fmt: skip
    known = Feedback.objects.filter(case=case).first()
    if known is not None:
        return known
    clock = clocks.current(case.pk, "answer")
    return Feedback.objects.create(
        case=case, dataset=dataset, organisation_id=unit, kind=words.kind, title=words.title.strip(),
        content=words.content.strip(), contact=encrypt(words.contact.strip(), CONTACT) if words.contact.strip() else "",
        tracking_code=queries.tracking_code(), due_at=clock.due_at if clock else None, is_demo=case.is_demo,
    )  # fmt: skip


def on_feedback(event: Event) -> None:
    """The answer is shown to whoever has the code."""
    if event.name != "close":
        return
    found = Feedback.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk).first()
    if found is not None:
        found.answer, found.answered_at = event.case.data.get("answer", ""), event.entry.happened_at
        found.version += 1
        found.save(update_fields=["answer", "answered_at", "version", "updated_at"])
