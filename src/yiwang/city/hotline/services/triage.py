"""分类：模型只建议，把握不足即弃权并给出三个选择；每次建议与改判都留痕。"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.db import connection, transaction

from yiwang.city.command import contract as command
from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Request, TriageDecision, TriageModel
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.search import classify
from yiwang.kernel.search.topics import duplicate_groups

MINIMUM_ROWS = 200
MINIMUM_PER_CLASS = 10
_loaded: dict[str, classify.Classifier] = {}


def classifier() -> tuple[TriageModel, classify.Classifier] | None:
    """The model in force, parsed once per process and version."""
    model = queries.active_model()
    if model is None:
        return None
    if model.number not in _loaded:
        _loaded.clear()
        _loaded[model.number] = classify.Classifier.from_bytes(bytes(model.artefact))
    return model, _loaded[model.number]


def enough(actor: Actor, texts: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse what nothing can be learned from; the model in force stays."""
    actor.require("hotline.triage_model", "add")
    if len(texts) != len(labels):
        raise Invalid("训练文本与分类的条数不一致。请检查文件。")
    counts = Counter(labels)
    thin = sorted(label for label, number in counts.items() if number < MINIMUM_PER_CLASS)
    if len(texts) < MINIMUM_ROWS or len(counts) < 2 or thin:
        cause = f"“{'、'.join(thin)}”不足 {MINIMUM_PER_CLASS} 条" if thin else f"共 {len(texts)} 条、{len(counts)} 类"
        raise Invalid(
            f"训练数据不足：{cause}。至少需要 {MINIMUM_ROWS} 条、两个以上分类、每类 {MINIMUM_PER_CLASS} 条；原模型不变。"
        )


def train(
    actor: Actor,
    texts: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[int] | None = None,
    tell: classify.Tell = lambda done, steps, what: None,
) -> TriageModel:
    """Train from labelled texts and put the result in force. Near duplicates share a group.

    The long computation holds no lock; who finishes last is in force, and there is never more or less than one.
    """
    enough(actor, texts, labels)
    trained = classify.train(texts, labels, groups if groups is not None else duplicate_groups(texts), tell=tell)
    return _put_in_force(actor, trained, len(texts))


@transaction.atomic
def _put_in_force(actor: Actor, trained: classify.Classifier, rows: int) -> TriageModel:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('hotline.triage_model'))")
    existing = TriageModel.objects.filter(number=trained.version).first()
    TriageModel.objects.filter(active=True).exclude(number=trained.version).update(active=False)
    model = existing or TriageModel(number=trained.version)
    model.artefact, model.metrics = trained.to_bytes(), asdict(trained.quality)
    model.trained_rows, model.active = rows, True
    model.save()
    ledger.record(
        actor, "hotline.train_triage", ("hotline.triage_model", model.pk),
        after={"version": model.number, "rows": rows, "metrics": model.metrics},
    )  # fmt: skip
    return model


def propose(actor: Actor, requests: Sequence[Request]) -> list[TriageDecision]:
    """One proposal for each request about to be written, to be written after it (`copying.insert`).

    A confident one becomes the category, so that it goes with the row; an abstention leaves it empty. A category that
    came with the request is the decision of who brought it, with the model's words beside it.
    """
    ready = classifier()
    model, engine = ready or (None, None)
    found = engine.predict(queries.texts(requests)) if engine is not None and requests else [None] * len(requests)
    decisions = []
    for request, proposal in zip(requests, found, strict=True):
        given = request.category
        if proposal is None and not given:
            continue
        request.category = given or (proposal.label if proposal else None) or ""
        decisions.append(
            TriageDecision(
                request=request,
                model=model,
                proposed=(proposal.label if proposal else None) or "",
                confidence=proposal.confidence if proposal else 0,
                choices=[{"label": each, "probability": round(share, 4)} for each, share in proposal.top3]
                if proposal
                else [],
                decided=request.category,
                person_id=actor.person_id if given else None,
            )
        )
    return decisions


def _locked(actor: Actor, request_id: int) -> Request:
    """The request in scope, locked; of a closed one neither category nor matter changes any more."""
    queries.request(actor, request_id, "triage")
    found = Request.objects.select_for_update(of=("self",)).select_related("case").get(pk=request_id)
    if found.case.status != "open":
        raise Refused("工单已办结或挂起，不能再改分类和事项。", rule="办结工单冻结", code="frozen")
    return found


@transaction.atomic
def decide_category(actor: Actor, request_id: int, category: str) -> TriageDecision:
    """A person takes one of the three, or any category of the dictionary; the model's words stay beside it."""
    request = _locked(actor, request_id)
    known = {matter.category for matter in command.matters_in_force(queries.received_on(request))}
    if category not in known:
        raise Invalid(f"“{category}”不是现行事项词典的一级分类。可选：{'、'.join(sorted(known))}。")
    latest = request.triage_decisions.last()
    decision = TriageDecision.objects.create(
        request=request,
        model=latest.model if latest else None,
        proposed=latest.proposed if latest else "",
        confidence=latest.confidence if latest else 0,
        choices=latest.choices if latest else [],
        decided=category,
        person_id=actor.person_id,
    )
    before, request.category = request.category, category
    if before != category:
        # A matter belongs to its category: it has to be chosen again.
        request.matter_code = request.matter_name = request.edition = ""
    request.version += 1
    request.save(update_fields=["category", "matter_code", "matter_name", "edition", "version", "updated_at"])
    ledger.record(
        actor, "hotline.decide_category", ("hotline.request", request.pk),
        before={"category": before}, after={"category": category},
    )  # fmt: skip
    return decision


@transaction.atomic
def assign_matter(actor: Actor, request_id: int, code: str, *, reason: str = "") -> Request:
    """Fix the matter (and with it responsible organ and limit) of the edition in force at receipt; the reason is kept."""
    request = _locked(actor, request_id)
    matter = command.matter_in_force(code, queries.received_on(request))
    if matter is None:
        raise Invalid(f"现行事项词典没有编码 {code}。请从列表中选择事项。", errors={"matter_code": ["无此事项"]})
    before = queries.facts(request)
    request.matter_code, request.matter_name, request.edition = matter.code, matter.name, matter.edition
    request.category = matter.category
    request.version += 1
    request.save(update_fields=["matter_code", "matter_name", "edition", "category", "version", "updated_at"])
    ledger.record(
        actor, "hotline.assign_matter", ("hotline.request", request.pk), before=before, after=queries.facts(request),
        reason=queries.redact(reason.strip()),
    )  # fmt: skip
    return request


@transaction.atomic
def assign_matters(actor: Actor, codes: Mapping[int, str]) -> int:
    """Fix the matters of several requests, all or none; returns how many."""
    if not codes:
        raise Invalid("勾选的诉求没有待采纳的建议事项。请勾选列有建议事项的诉求，再采纳。")
    return len([assign_matter(actor, pk, codes[pk]) for pk in sorted(codes)])


def proposals(request: Request) -> list[dict[str, Any]]:
    """Matters proposed for dispatch: of the category (or the three choices), those whose keywords the text holds."""
    latest = request.triage_decisions.last()
    shares = {choice["label"]: choice["probability"] for choice in (latest.choices if latest else [])}
    text = f"{request.title} {request.content}"
    found = []
    for matter in command.matters_in_force(queries.received_on(request)):
        if request.category and matter.category != request.category:
            continue
        hits = [word for word in matter.keywords if word in text]
        score = shares.get(matter.category, 0) + len(hits)
        if hits or (request.category and matter.category == request.category):
            found.append({"matter": matter, "hits": hits, "score": score})
    return sorted(found, key=lambda each: (-each["score"], each["matter"].code))[:5]
