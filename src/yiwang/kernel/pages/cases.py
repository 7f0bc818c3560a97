"""The case page, and the one door through which officers act on a case."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.clocks.queries import states
from yiwang.kernel.files.doors import register_owner
from yiwang.kernel.files.services import store
from yiwang.kernel.flow import services
from yiwang.kernel.flow.drawing import svg
from yiwang.kernel.flow.kinds import kind_of, record_of, wording_of
from yiwang.kernel.flow.models import Case, Entry, IdempotencyKey
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.queries import Choice, available, case_for, visible
from yiwang.kernel.flow.terms import OUTCOMES, Status
from yiwang.kernel.pages.boxes import stage_name
from yiwang.kernel.pages.progress import charged, days, linked, places, steps
from yiwang.kernel.ui.charts import picture
from yiwang.kernel.ui.forms import FlowForm, flow_form
from yiwang.kernel.ui.render import actor_of, base_context, fragment, page

PHRASES = ("同意。", "拟同意，请审定。", "请按程序办理。", "情况属实，已处理完毕。", "材料不全，请补充后再报。")
OWNER = "case"


def _may_read(actor: Actor, case_id: int) -> bool:
    case = Case.objects.filter(pk=case_id).first()
    return case is not None and visible(actor, case)


register_owner(OWNER, _may_read)


def _own(actor: Actor, case: Case, record: Any) -> tuple[list[Any], list[str], list[tuple[str, str]]]:
    """Sections, hidden fields and links of the domain."""
    kind = kind_of(case.flow)
    if kind is None or record is None:
        return [], [], []
    return list(kind.sections(actor, record)), list(kind.hidden(actor, record)), list(kind.links(actor, record))


def case_page(request: HttpRequest, case_id: int) -> HttpResponse:
    actor = actor_of(request)
    return _show(request, actor, case_for(actor, case_id), "", "")


def _show(request: HttpRequest, actor: Actor, case: Case, panel: str, chosen: str, status: int = 200) -> HttpResponse:
    flow = flow_of(case.version_id)
    sections, hidden, ways = _own(actor, case, record_of(case))
    reads = wording_of(actor, case)
    line, total, earlier = steps(actor, case, flow, hidden, reads, everything="earlier" in request.GET)
    clocks = sorted(states(case.pk, timezone.now()), key=lambda clock: clock.finished_at is not None)  # what runs first
    seats = places(case, flow)
    choices = available(actor, case)
    outcomes = {**OUTCOMES, **dict(flow.outcomes)}
    context = {
        "case": case, "flow": flow, "stage": stage_name(case), "outcome": outcomes.get(case.outcome, ""),
        "round_text": f"第 {case.round} 轮", "choices": [choice for choice in choices if choice.enabled],
        "refused": [choice for choice in choices if not choice.enabled], "chosen": chosen, "form_panel": panel,
        "sections": sections, "ways": ways, "timeline": line, "total_entries": total, "earlier": earlier,
        "clocks": [{"state": clock, "days": days(clock)} for clock in clocks],
        "lead_clock": next(iter(clocks), None),
        "seats": seats, "open_seats": [seat for seat in seats if seat.open],
        "faults": [seat.fault for seat in seats if seat.fault], "charges": charged(case, reads), "links": linked(actor, case),
        "drawing": _drawing(case), "notice": _notice(request, actor, case),
    }  # fmt: skip
    return page(request, "pages/case.html", context, title=f"{case.number} {case.title}", status=status)


def _drawing(case: Case) -> SafeString:
    """The way of the case: stages behind it, the one it is at; a closed case is at none."""
    current = case.stage if case.status != Status.CLOSED else ""
    return picture(svg(case.version_id, current, tuple(case.memory.get("path", ()))))


def _notice(request: HttpRequest, actor: Actor, case: Case) -> str:
    """What the actor has just done, read from the entry itself."""
    done = request.GET.get("done", "")
    if not (done.isascii() and done.isdigit() and len(done) < 10) or actor.person_id is None:
        return ""
    entry = Entry.objects.filter(case_id=case.pk, seq=int(done), person_id=actor.person_id).first()
    return f"已提交，记入第 {entry.seq} 条办理记录。" if entry else ""


def _choice(actor: Actor, case: Case, kind: str, code: str, seat_id: int | None) -> Choice:
    named = [each for each in available(actor, case) if (each.kind, each.code) == (kind, code)]
    found = next((each for each in named if seat_id in (None, each.seat_id)), None)
    if found is None:
        raise Refused("当前不能执行该操作，案件可能已流转到下一环节。请刷新页面查看最新情况。", rule="流程定义")
    if not found.enabled:
        raise Refused(f"“{found.name}”现在不能执行：{found.why_not}", rule=found.basis or "流程定义")
    return found


def act_page(request: HttpRequest, case_id: int, kind: str, code: str) -> HttpResponse:
    """GET shows the form of an action or operation, POST does it."""
    actor = actor_of(request)
    case = case_for(actor, case_id)
    if request.method == "POST":
        return _act(request, actor, case, kind, code)
    choice = _choice(actor, case, kind, code, _number(request.GET.get("seat", "")))
    form = _form_class(actor, choice)(initial=dict(_suggested(actor, case, choice)))
    return _form(request, actor, case, choice, form, uuid4().hex)


def _suggested(actor: Actor, case: Case, choice: Choice) -> Mapping[str, Any]:
    kind, record = kind_of(case.flow), record_of(case)
    return kind.suggested(actor, record, choice.code) if kind is not None and record is not None else {}


def _form_class(actor: Actor, choice: Choice) -> type[FlowForm]:
    return flow_form(choice.fields, opinion_required=choice.needs_opinion, actor=actor)


def _form(
    request: HttpRequest, actor: Actor, case: Case, choice: Choice, form: FlowForm, key: str, problem: str = "",
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    context = {"case": case, "choice": choice, "form": form, "key": key, "phrases": PHRASES, "problem": problem}
    if getattr(request, "htmx", False):
        return fragment(request, "pages/act.html", context, status=status)
    panel: SafeString = render_to_string("pages/act.html", {**base_context(request, ""), **context}, request)
    return _show(request, actor, case, panel, choice.code, status)


def _act(request: HttpRequest, actor: Actor, case: Case, kind: str, code: str) -> HttpResponse:
    key = request.POST.get("key", "")[: IdempotencyKey.LONGEST]
    if not key or "\0" in key:
        raise Invalid("提交的防重复标识缺失或有误，未执行。请从案件页面重新打开表单。", errors={"key": ["缺少"]})
    entry = _replayed(actor, key, case)
    if entry is None:
        seat_id = _number(request.POST.get("seat", ""))
        choice = _choice(actor, case, kind, code, seat_id)
        form = _form_class(actor, choice)(request.POST, request.FILES)
        if not form.is_valid():
            return _form(request, actor, case, choice, form, key, status=422)
        try:
            entry = perform(actor, case, choice, form, seat_id or choice.seat_id, key)
        except Invalid as problem:
            for name, sentences in problem.errors.items():
                form.add_error(name if name in form.fields else None, sentences)
            return _form(request, actor, case, choice, form, key, problem.message, status=422)
    url = f"/cases/{case.pk}/?done={entry.seq}"
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _number(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


def _replayed(actor: Actor, key: str, case: Case) -> Entry | None:
    """The entry this very form has already made: pressed twice, or sent again after a lost reply."""
    known = IdempotencyKey.objects.filter(actor=actor.person_id or 0, key=key).first()
    return Entry.objects.filter(pk=known.answer, case_id=case.pk).first() if known else None


def perform(actor: Actor, case: Case, choice: Choice, form: FlowForm, seat_id: int | None, key: str) -> Entry:
    """Attachments and the act stand or fall together."""
    with transaction.atomic():
        files = [
            store(actor, upload.name or "附件", upload, owner=(OWNER, case.pk), kind=name).pk
            for name, upload in form.files_of()
        ]
        common: dict[str, Any] = {"opinion": form.opinion_of(), "files": files, "seat_id": seat_id, "key": key}
        if choice.kind == "action":
            return act(actor, case, choice.code, data=form.data_of(), **common)
        verb = _verb(case, choice.code)
        if verb is not None:
            return verb(actor, record_of(case), data=form.data_of(), **common)
        return _operate(actor, case, choice.code, {**common, **form.cleaned_data, "opinion": form.opinion_of()})


def _verb(case: Case, code: str) -> Callable[..., Entry] | None:
    kind = kind_of(case.flow)
    return kind.verbs.get(code) if kind else None


def act(
    actor: Actor, case: Case, code: str, *, opinion: str, data: dict[str, Any], files: list[int],
    seat_id: int | None, key: str, batch: bool = False,
) -> Entry:  # fmt: skip
    """An action, through the domain's own verb when it has one."""
    given: dict[str, Any] = {"opinion": opinion, "data": data, "files": files, "seat_id": seat_id, "key": key}
    verb = _verb(case, code)
    return verb(actor, record_of(case), **given) if verb else services.act(actor, case.pk, code, batch=batch, **given)


def _operate(actor: Actor, case: Case, code: str, given: dict[str, Any]) -> Entry:
    """An operation of the engine takes its fields as arguments; a chosen number arrives from the form as text."""
    operation: Callable[..., Entry] = services.BY_CODE[code]
    arguments = {}
    for name, parameter in inspect.signature(operation).parameters.items():
        value = given.get(name)
        if value in (None, "") and name != "key":
            continue
        numeric = parameter.annotation in (int, int | None)
        arguments[name] = int(value) if numeric and isinstance(value, str) else value
    return operation(actor, case.pk, **arguments)
