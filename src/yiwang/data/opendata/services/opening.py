"""开放与撤下：提供方申请，数管局审核；撤下立即生效。"""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.opendata import queries
from yiwang.data.opendata.models import Application, Dataset, Row
from yiwang.data.opendata.services import subscribing
from yiwang.data.opendata.terms import BASIS, Licence, State, Topic
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.crypto.masks import mask_text
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.ledger import services as ledger

MOST_TAGS, LONGEST_TAG = 8, 20


@transaction.atomic
def apply(
    actor: Actor, resource_id: int, *, title: str, description: str, topic: str, licence: str = Licence.ATTRIBUTION,
    tags: Sequence[str] = (), key: str = "",
) -> Application:  # fmt: skip
    """Ask to open a resource of the actor's own department to everybody. Idempotent by `key`.

    Raises Invalid for what can be put right, Refused when no item of the resource may be open.
    """
    actor.require("opendata.dataset", "add")
    facts = catalog.resource(actor, resource_id)
    if facts.organisation_id != actor.home() and not actor.system:
        raise Refused("只能申请开放本部门的资源。", rule="谁提供谁申请")
    if not queries.open_items(facts):
        raise Refused(
            f"“{facts.name}”没有可以开放的信息项：须在目录中列为无条件开放，并定为 1 级。请先修订目录或完成定级。",
            rule=f"{BASIS}；GB/T 43697-2024", code="closed",
        )  # fmt: skip
    labels = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    _check(title, description, topic, licence, labels)
    dataset = Dataset.objects.select_for_update().filter(resource_id=facts.id).first()
    if dataset is not None and dataset.state == State.OPEN:
        raise Conflict(f"“{dataset}”已经开放，不用再申请。")
    if dataset is not None and dataset.state == State.REVIEW:
        known = dataset.applications.order_by("-pk").first()
        if known is not None and key and known.created_by_id == actor.person_id:
            return known
        raise Conflict(f"“{dataset}”正在审核，请等审核结果。")
    if dataset is None:
        dataset = Dataset(resource_id=facts.id, resource_code=facts.code, name=f"dataset-{facts.id}",
                          organisation_id=facts.organisation_id, created_by_id=actor.person_id, is_demo=facts.is_demo)  # fmt: skip
    dataset.title, dataset.description, dataset.topic = title.strip(), description.strip(), topic
    dataset.licence, dataset.tags, dataset.state, dataset.reason = licence, labels, State.REVIEW, ""
    dataset.item_count = 0
    dataset.save()
    return _opened(actor, dataset, key)


def _check(title: str, description: str, topic: str, licence: str, tags: Sequence[str]) -> None:
    errors: dict[str, list[str]] = {}
    if not 2 <= len(title.strip()) <= 120:
        errors["title"] = ["2 至 120 个字。"]
    if not 10 <= len(description.strip()) <= 2000:
        errors["description"] = ["写给公众看：内容、口径、范围，10 至 2000 个字。"]
    if topic not in Topic.values:
        errors["topic"] = ["请选一个领域。"]
    if licence not in Licence.values:
        errors["licence"] = ["请选一种使用许可。"]
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        errors["tags"] = [f"至多 {MOST_TAGS} 个，每个不超过 {LONGEST_TAG} 个字。"]
    for name, text in (("title", title), ("description", description), ("tags", " ".join(tags))):
        if mask_text(text) != text:
            errors[name] = ["含有证件或电话号码，不能公开，请删去。"]
    if errors:
        raise Invalid("开放申请没有提交，请按提示改正。", errors=errors)


def _opened(actor: Actor, dataset: Dataset, key: str) -> Application:
    case = flow.open_case(
        actor, "opendata.publication", f"开放“{dataset.title}”", organisation_id=dataset.organisation_id,
        is_demo=dataset.is_demo, key=key,
    )  # fmt: skip
    clock = clocks.current(case.pk, "review")
    made = Application.objects.create(
        case=case, dataset=dataset, organisation_id=dataset.organisation_id, created_by_id=actor.person_id,
        due_at=clock.due_at if clock else None, is_demo=dataset.is_demo,
    )  # fmt: skip
    ledger.record(
        actor, "opendata.apply", ("opendata.dataset", dataset.pk), organisation_id=dataset.organisation_id,
        after={"title": dataset.title, "resource": dataset.resource_code, "case": case.number, "limit": clock.basis if clock else ""},
    )  # fmt: skip
    return made


def on_application(event: Event) -> None:
    """In the transaction of the engine's entry: the decision opens the data set or says why not."""
    if event.name not in ("close", "act:refuse"):
        return
    found = Application.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk).first()
    if found is None:
        return
    dataset = Dataset.objects.select_for_update().get(pk=found.dataset_id)
    if event.name == "act:refuse":
        dataset.reason = str(event.entry.opinion)[:300]
        dataset.save(update_fields=["reason", "updated_at"])
        return
    found.outcome, found.decided_at = event.case.outcome, event.entry.happened_at
    found.save(update_fields=["outcome", "decided_at", "updated_at"])
    if event.case.outcome == "opened":
        facts = queries.facts_of(dataset.resource_id)
        items = queries.open_items(facts) if facts else ()
        if not items:
            raise Refused(
                "目录已有变化，这个资源现在没有可以开放的信息项，不能同意开放。", rule="GB/T 43697-2024 就高从严"
            )
        dataset.state, dataset.opened_at = State.OPEN, event.entry.happened_at
        dataset.item_count, dataset.reason = len(items), ""
    else:
        dataset.state = State.REFUSED if event.case.outcome == "refused" else State.WITHDRAWN
        dataset.reason = dataset.reason or "申请已撤销"
    dataset.version += 1
    dataset.save()


@transaction.atomic
def withdraw(actor: Actor, dataset_id: int, *, reason: str) -> Dataset:
    """Take a data set from view at once; its files, rows, feed entry and API answers stop with this transaction."""
    doors.row(actor, "opendata.dataset", dataset_id, "withdraw")
    dataset = Dataset.objects.select_for_update().get(pk=dataset_id)
    if dataset.state != State.OPEN:
        raise Conflict(f"“{dataset}”{dataset.get_state_display()}，没有可撤下的。")
    if not reason.strip():
        raise Invalid("撤下须写明理由，公众会看到。", errors={"reason": ["必填"]})
    dataset.state, dataset.withdrawn_at, dataset.reason = State.WITHDRAWN, timezone.now(), reason.strip()[:300]
    dataset.item_count = 0
    dataset.version += 1
    dataset.save()
    Row.objects.filter(edition__dataset=dataset).delete()
    subscribing.announce(actor, dataset, "数据已撤下，不再提供。", f"withdrawn:{dataset.pk}:{dataset.version}")
    ledger.record(
        actor, "opendata.withdraw", ("opendata.dataset", dataset.pk), reason=dataset.reason,
        before={"state": State.OPEN}, after={"state": State.WITHDRAWN}, organisation_id=dataset.organisation_id,
    )  # fmt: skip
    return dataset
