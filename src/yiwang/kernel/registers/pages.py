"""Pages of a register: list, detail, form, action, views, pickers. Each gets its register from the URL table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.files import queries as files
from yiwang.kernel.registers import guards, queries, services
from yiwang.kernel.registers.declarations import Bound, BoundFilter, RecordAction, Register
from yiwang.kernel.registers.forms import MANY, PickInput, candidates, form_class, named
from yiwang.kernel.registers.paths import resolve
from yiwang.kernel.registers.queries import Wish
from yiwang.kernel.ui.forms import Select, SelectMultiple, flow_form
from yiwang.kernel.ui.render import actor_of, fragment, page, written_cells

NUMBERS = frozenset({"integer", "decimal"})
LOOKS = dict.fromkeys(NUMBERS, "number") | dict.fromkeys(
    ("date", "datetime", "boolean", "choice", "organisation"), "nowrap"
)
LONGEST_CELL = 80
UNBROKEN = 20  # a number, a state or a short name broken over two lines is read twice


@dataclass(frozen=True)
class Head:
    bound: Bound
    url: str
    state: str

    @property
    def number(self) -> bool:
        return self.bound.path is not None and self.bound.path.kind in NUMBERS


def asked_of(request: HttpRequest, register: Register) -> Wish:
    """The address, or the saved view it names with what the address adds."""
    given: dict[str, list[str]] = {name: [str(v) for v in values] for name, values in request.GET.lists()}
    chosen = given.get("view", [""])[-1]
    if chosen:
        view = next((item for item in queries.views(actor_of(request), register) if str(item.pk) == chosen), None)
        if view is None:
            raise Refused("没有找到该视图，或它没有分享给您。", rule="视图属于个人", code="absent")
        given = {**view.query, **{name: values for name, values in given.items() if any(values)}}
    return queries.wish(register, given)


def list_page(request: HttpRequest, register: Register) -> HttpResponseBase:
    actor, asked, problem = actor_of(request), asked_of(request, register), ""
    try:
        found = queries.listing(actor, register, asked)
    except Invalid as error:
        problem, found = error.message, queries.Page([], 0, True, "", "", frozenset())
    bounds = queries.columns_of(register, asked)
    link = register.url_of
    context: dict[str, Any] = {
        "bulk": [each for each in register.actions if each.bulk and actor.can(register.guard.code, each.permission)],
        "register": register, "page": found, "asked": asked, "problem": problem,
        "heads": [_head(register, asked, bound) for bound in bounds],
        "rows": [(record, link(record), first, written_cells(rest)) for record in found.records
                 for first, *rest in [cells(bounds, record, found.plain)]],
        "next_url": _address(register, asked, after=found.next) if found.next else "",
        "previous_url": _address(register, asked, before=found.previous) if found.previous else "",
        "narrowed": bool(asked.filters or asked.text), "query": urlencode(asked.stored(), doseq=True),
    }  # fmt: skip
    status = 422 if problem else 200
    if getattr(request, "htmx", False) and request.headers.get("HX-Target") == "rows":
        return fragment(request, "registers/rows.html", context, status=status)
    chosen = {bound.name for bound in bounds}
    context |= {
        "filters": filter_form(actor, register, asked), "views": queries.views(actor, register),
        "view": request.GET.get("view", ""), "may": may(actor, register),
        "offered": [(bound, bound.name in chosen) for bound in queries.offered_columns(register).values()],
    }  # fmt: skip
    return page(request, "registers/list.html", context, title=register.name, status=status)


def cells(bounds: tuple[Bound, ...], record: Any, plain: frozenset[int]) -> list[tuple[str, str]]:
    """Class and text of each cell, ready to be written."""
    found: list[tuple[str, str]] = []
    for bound in bounds:
        text = queries.shown(bound, record, plain)
        look = LOOKS.get(bound.path.kind, "") if bound.path is not None else ""
        if len(text) > UNBROKEN:
            look = look.replace("nowrap", "")
        elif not found:
            look = look or "nowrap"
        short = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
        found.append((look or ("masked" if bound.mask else ""), short))
    return found


def may(actor: Actor, register: Register) -> dict[str, bool]:
    """Which generic doors the page shows; the services check again."""
    can = {verb: actor.can(register.guard.code, verb) for verb in ("add", "change", "export", "import")}
    return {
        "add": can["add"] and ("add" in register.writes or bool(register.adding)),
        "change": can["change"] and "change" in register.writes,
        "export": can["export"] and register.export,
        "import": can["import"] and register.importing is not None,
    }


def filter_form(actor: Actor, register: Register, asked: Wish) -> forms.Form:
    made: dict[str, forms.Field] = {}
    initial: dict[str, object] = {}
    for item in register.bound_filters:
        for name in item.parameters:
            values = asked.filters.get(name, [])
            made[name] = _filter_field(actor, register, item, name, values)
            initial[name] = values if len(values) > 1 else values[-1] if values else ""
    form: forms.Form = type("FilterForm", (forms.Form,), made)(initial=initial)
    return form


def _filter_field(actor: Actor, register: Register, item: BoundFilter, name: str, values: list[str]) -> forms.Field:
    select = SelectMultiple if len(values) > 1 else Select
    options: list[tuple[str, str]] | None = None
    widget: forms.Widget = forms.TextInput()
    if item.kind == "dates":
        end = "起" if name.endswith(".from") else "止"
        return forms.CharField(label=item.label + end, required=False, widget=forms.DateInput({"type": "date"}))
    if item.kind == "boolean":
        options = [("1", "是"), ("0", "否")]
    elif item.kind == "choice":
        options = list(item.choices)
    elif item.kind in {"related", "organisation"} and item.path is not None and len(item.path.chain) == 1:
        found = list(candidates(actor, register, item.name, "view")[: MANY + 1])
        options = [(str(record.pk), str(record)) for record in found]
        if len(found) > MANY:
            options, widget = None, PickInput(f"{register.url}pick/{item.name}/?verb=view")
    if options is not None:
        widget = select(choices=[("", "全部"), *options])
    return forms.CharField(label=item.label, required=False, widget=widget)


def detail_page(request: HttpRequest, register: Register, pk: int) -> HttpResponseBase:
    actor = actor_of(request)
    record = queries.one(actor, register, pk)
    plain = queries.unmasked_of(actor, register, [record])
    frozen = register.frozen is not None and register.frozen(record)
    context = {
        "register": register, "record": record, "name": queries.title_of(register, record), "frozen": frozen,
        "sections": [(title, [(bound, queries.shown(bound, record, plain)) for bound in bounds])
                     for title, bounds in register.bound_sections],
        "panels": [panel(actor, record) for panel in register.panels],
        "actions": available_actions(actor, register, record), "may": may(actor, register),
        "files": list(files.of((register.code, record.pk))) if register.attachments else [],
        "history": queries.history(actor, register, record), "version": guards.version_of(register, record),
    }  # fmt: skip
    return page(request, "registers/detail.html", context, title=f"{register.name} {context['name']}")


def available_actions(actor: Actor, register: Register, record: Any) -> list[tuple[RecordAction, str]]:
    """Actions the actor holds the verb for, each with why it is not possible now, or nothing."""
    found = []
    for action in register.actions:
        if actor.can(register.guard.code, action.permission):
            try:
                guards.refuse_action(actor, register, action, record)
                found.append((action, ""))
            except Refused as refusal:
                found.append((action, refusal.message))
    return found


def form_page(request: HttpRequest, register: Register, pk: int | None = None) -> HttpResponseBase:
    """New (without `pk`) or change; wrong input comes back with its sentences, nothing is lost."""
    actor, verb = actor_of(request), "add" if pk is None else "change"
    guards.require_write(actor, register, verb)
    record = None if pk is None else queries.one(actor, register, pk, "change")
    names = guards.editable_fields(actor, register, record)
    kind = form_class(actor, register, names, verb)
    problem, status, version = "", 200, request.POST.get("version", "")
    if request.method == "POST":
        form = kind(request.POST, instance=record)
        try:
            saved = services.save(
                actor, register, _posted(form, request.POST), pk=pk, version=version or None,
                key=request.POST.get("key", "") if pk is None else "",
            )  # fmt: skip
        except (Invalid, Conflict) as error:
            problem, status = error.message, error.status
        else:
            return HttpResponseRedirect(register.url_of(saved))
    else:
        initial = (
            {register.guard.organisation: actor.organisation_id} if pk is None and register.guard.organisation else {}
        )
        form = kind(instance=record, initial=initial)
        version = guards.version_of(register, record) if record is not None else ""
    title = f"修改{register.name}" if record is not None else f"新增{register.name}"
    context = {
        "register": register, "record": record, "form": form, "problem": problem, "version": version, "title": title,
        "back": register.url_of(record) if record is not None else register.url, "key": guards.new_key(),
        "groups": _groups(register, form), "masked": [n for n in register.form_fields if n not in names],
    }  # fmt: skip
    return page(request, "registers/form.html", context, title=title, status=status)


def _groups(register: Register, form: forms.BaseForm) -> list[tuple[str, list[forms.BoundField]]]:
    found = [(title, [form[bound.name] for bound in bounds if bound.name in form.fields])
             for title, bounds in register.bound_sections]  # fmt: skip
    return [(title, inside) for title, inside in found if inside]


def _posted(form: forms.BaseForm, data: Any) -> Mapping[str, Any]:
    return {name: field.widget.value_from_datadict(data, {}, name) for name, field in form.fields.items()}


def action_page(request: HttpRequest, register: Register, pk: int, code: str) -> HttpResponseBase:
    """The form of an action; a plain action is posted straight from the detail page."""
    actor, action = actor_of(request), register.action(code)
    if action is None:
        raise Http404
    actor.require(register.guard.code, action.permission)
    record = queries.one(actor, register, pk, action.permission)
    problem, status, version = "", 200, request.POST.get("version", "")
    filled = {name: getattr(record, name) for name in action.prefilled}
    made = flow_form(action.fields, opinion=False, actor=actor)
    form = made(request.POST if request.method == "POST" else None, initial=filled)
    if request.method == "POST":
        try:
            kept = services.act(actor, register, pk, code, _posted(form, request.POST), version=version or None)
        except (Invalid, Conflict) as error:
            problem, status = error.message, error.status
        else:
            onward = action.onward or register.url_of
            return HttpResponseRedirect(register.url if kept is None else onward(kept))
    else:
        guards.refuse_action(actor, register, action, record)
        version = guards.version_of(register, record)
    context = {
        "register": register, "record": record, "action": action, "form": form, "problem": problem,
        "version": version, "name": queries.title_of(register, record), "back": register.url_of(record),
    }  # fmt: skip
    return page(request, "registers/action.html", context, title=action.name, status=status)


def bulk_page(request: HttpRequest, register: Register, code: str) -> HttpResponseBase:
    """Chosen rows come by POST from the list: first the form, or at once, then what became of every row."""
    actor, action = actor_of(request), services.bulk.bulk_action(register, code)
    chosen = [int(each) for each in request.POST.getlist("row") if each.isascii() and each.isdigit() and len(each) < 19]
    context: dict[str, Any] = {"register": register, "action": action, "chosen": chosen}
    sent = "sent" in request.POST or not action.fields
    form = flow_form(action.fields, opinion=False, actor=actor)(request.POST if sent else None)
    if sent:
        try:
            results = services.act_many(actor, register, chosen, code, _posted(form, request.POST))
        except Invalid as error:
            context |= {"form": form, "problem": error.message}
            return page(request, "registers/bulk.html", context, title=action.name, status=error.status)
        context |= {"results": results, "done": sum(row.done for row in results)}
        return page(request, "registers/bulk_done.html", context, title=action.name)
    if not chosen:
        raise Invalid("没有选中记录，未执行。请勾选后再点按钮。")
    return page(request, "registers/bulk.html", context | {"form": form}, title=action.name)


def pick(request: HttpRequest, register: Register, field: str) -> HttpResponseBase:
    """Suggestions for a foreign key of the form or the filters, within what the actor may choose."""
    actor, verb = actor_of(request), request.GET.get("verb", "view")
    known = {item.name for item in register.bound_filters} | set(register.form_fields)
    if (
        field not in known
        or verb not in {"view", "add", "change"}
        or not resolve(register.model, field).field.is_relation
    ):
        raise Http404
    actor.require(register.guard.code, verb)
    text = request.GET.get(field, "").strip()[:50].replace("\x00", "")
    found = candidates(actor, register, field, verb)
    if text:
        found = found.filter(named(found.model, text, "icontains"))
    return fragment(request, "registers/pick_options.html", {"records": list(found[:20])})


def save_view(request: HttpRequest, register: Register) -> HttpResponse:
    made = services.save_view(
        actor_of(request), register, request.POST.get("name", ""), asked_of(request, register),
        share=request.POST.get("share") == "1",
    )  # fmt: skip
    return HttpResponseRedirect(f"{register.url}?view={made.pk}")


def remove_view(request: HttpRequest, register: Register, pk: int) -> HttpResponse:
    services.remove_view(actor_of(request), register, pk)
    return HttpResponseRedirect(register.url)


def _head(register: Register, asked: Wish, bound: Bound) -> Head:
    order = queries.ordering(register, asked.sort)[0]
    state = "" if order.removeprefix("-") != bound.name else "desc" if order.startswith("-") else "asc"
    wanted = f"-{bound.name}" if state == "asc" else bound.name
    return Head(bound, _address(register, asked, sort=wanted) if bound.sortable else "", state)


def _address(register: Register, asked: Wish, **more: str) -> str:
    query = asked.stored() | {name: [value] for name, value in more.items()}
    if asked.size != queries.SIZES[0]:
        query["size"] = [str(asked.size)]
    return f"{register.url}?{urlencode(query, doseq=True)}"
