"""What the three administrators do that a register can't say: the way in, one-time passwords, a role's permissions."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.views.decorators.cache import never_cache

from yiwang.kernel.access import services as access_services
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.access.doors import resources, row
from yiwang.kernel.access.models import Grant, Role
from yiwang.kernel.access.terms import Duty, Scope, grantable
from yiwang.kernel.crypto.masks import mask, mask_text
from yiwang.kernel.messages import queries as messages
from yiwang.kernel.messages.models import CHANNELS, Delivery
from yiwang.kernel.messages.services import send_again
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.pages.forms import AccountForm, ReasonForm, attempt
from yiwang.kernel.people import services
from yiwang.kernel.people.models import Account, Person
from yiwang.kernel.people.passwords import one_time
from yiwang.kernel.registers.registry import find
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import SIGNED_IN, needs, route

OUTBOX_PAGE = 50
WAYS = (
    ("系统管理员", "管机构、岗位、人员、账号和业务岗位任免；不能授权。", (
        ("orgs.organisation", "建立、更名、移动、停用机构，可批量导入"),
        ("orgs.post", "工作派给岗位，再由任职的人办理"),
        ("people.person", "登记人员，并为其新建账号"),
        ("people.account", "停用、启用、解锁账号，重置密码"),
        ("people.appointment", "任职、免职、调任"),
        ("people.delegation", "查看谁在代理谁"),
        ("people.relying_party", "提出哪些系统可以用本平台账号登录，登记其回调地址，签发密钥"),
        ("people.identity_provider", "提出可凭哪些身份源登录本平台"),
        ("people.identity_link", "提出身份源中的某一主体就是某一账号"),
        ("jobs.job", "导入、导出、重算等后台任务；失败的可以重试"),
        ("jobs.parked_timer", "多次处理失败的时限提醒与到期后果，排除原因后重试"),
        ("jobs.parked_message", "多次送达失败的案件通知，排除原因后重送"),
    )),
    ("安全管理员", "管角色、授权和管理员任免；不能建账号，不能给自己授权。", (
        ("access.role", "角色能看什么、做什么、在多大范围"),
        ("access.holding", "哪个岗位持有哪个角色，从何时到何时"),
        ("access.administrator", "任免三类管理员，解除其动态口令"),
        ("access.relying_party", "批准、退回或停用接入系统"),
        ("access.identity_provider", "批准、退回或停用身份源"),
        ("access.identity_link", "批准、退回或停用身份绑定"),
        ("access.token", "谁签发了接口令牌、能做什么、最近何时用过，随时收回"),
    )),
    ("审计管理员", "只看审计记录，不能改动任何数据。", (("ledger.entry", "谁在何时做了什么，改前改后各是什么"),)),
)  # fmt: skip


def overview(request: HttpRequest) -> HttpResponse:
    """The ways the actor may go; what belongs to the other administrators is not shown."""
    actor = actor_of(request)
    ways = [
        (title, about, [(find(code), hint) for code, hint in items if actor.can(code, "view")])
        for title, about, items in WAYS
    ]
    context = {
        "ways": [way for way in ways if way[2]],
        "outbox": Duty.SYSTEM in actor.duties,
        "grants": actor.can("access.holding", "view"),
    }
    return page(request, "pages/administration.html", context, title="组织与权限")


@never_cache
def new_account(request: HttpRequest, person_id: int) -> HttpResponse:
    """An account with a one-time password, shown this once."""
    actor = actor_of(request)
    person: Person = row(actor, "people.person", person_id)
    form = AccountForm(request.POST or None, initial={"username": person.staff_number})
    if request.method == "POST":
        password = one_time()
        made = attempt(
            form, lambda data: services.create_account(actor, person.pk, username=data["username"], password=password)
        )
        if made is not None:
            return _show_password(request, made, password)
    context = {
        "form": form,
        "heading": f"为{person}新建账号",
        "button": "新建账号",
        "back": f"/r/people.person/{person.pk}/",
    }
    return page(request, "pages/one_form.html", context, title="新建账号", status=422 if form.errors else 200)


@never_cache
def reset_password(request: HttpRequest, account_id: int) -> HttpResponse:
    actor = actor_of(request)
    account: Account = row(actor, "people.account", account_id, "change")
    form = ReasonForm(request.POST or None)
    if request.method == "POST":
        password = attempt(form, lambda data: services.reset_password(actor, account.pk, reason=data["reason"]))
        if password is not None:
            return _show_password(request, account, password)
    context = {
        "form": form, "heading": f"重置“{account}”的密码", "button": "重置密码", "back": f"/r/people.account/{account.pk}/",
        "note": "重置后原密码作废，该账号的全部登录立即退出。请先核实本人身份。",
    }  # fmt: skip
    return page(request, "pages/one_form.html", context, title="重置密码", status=422 if form.errors else 200)


def _show_password(request: HttpRequest, account: Account, password: str) -> HttpResponse:
    context = {"account": account, "password": password, "hours": settings.ONE_TIME_PASSWORD_HOURS}
    return page(request, "pages/one_time_password.html", context, title="一次性密码")


def permissions(request: HttpRequest, role_id: int) -> HttpResponse:
    """All permissions of a role on one page: a scope, or none, for every verb of every resource."""
    actor = actor_of(request)
    role: Role = row(actor, "access.role", role_id)
    problem = ""
    if request.method == "POST":
        try:
            count = _set_permissions(actor, role, request.POST)
        except Invalid as error:
            problem = error.message
        else:
            return HttpResponseRedirect(f"/r/access.role/{role.pk}/?changed={count}")
    held = {(each.resource, each.verb): each for each in role.grants.prefetch_related("organisations")}
    table = []
    for spec in sorted(resources().values(), key=lambda each: each.code):
        verbs = [
            (f"{spec.code}:{verb}", name, request.POST.get(f"{spec.code}:{verb}", _scope(held.get((spec.code, verb)))))
            for verb, name in spec.verbs
            if grantable(role.duty, spec.code, verb)
        ]
        if verbs:
            table.append((spec, verbs))
    chosen = {item.code for each in held.values() for item in each.organisations.all()}
    context = {
        "role": role, "table": table, "scopes": Scope.choices, "problem": problem,
        "codes": request.POST.get("organisations", "，".join(sorted(chosen))), "reason": request.POST.get("reason", ""),
    }  # fmt: skip
    return page(request, "pages/permissions.html", context, title="角色权限", status=422 if problem else 200)


def _scope(held: Grant | None) -> str:
    return held.scope if held else ""


def _set_permissions(actor: Actor, role: Role, data: Any) -> int:
    """Give what was added or changed, withdraw what was emptied; all or nothing."""
    reason = data.get("reason", "").strip()
    if not reason:
        raise Invalid("调整权限须写明理由。")
    codes = {part.strip() for part in data.get("organisations", "").replace("，", ",").split(",") if part.strip()}
    found = dict(Organisation.objects.filter(code__in=codes).values_list("code", "pk"))
    if missing := codes - set(found):
        raise Invalid(f"没有这些机构代码：{'、'.join(sorted(missing))}。")
    wanted = {
        (spec.code, verb): data[f"{spec.code}:{verb}"]
        for spec in resources().values()
        for verb, _ in spec.verbs
        if f"{spec.code}:{verb}" in data
    }
    return access_services.set_grants(actor, role.pk, wanted, organisation_ids=found.values(), reason=reason)


def outbox(request: HttpRequest) -> HttpResponse:
    """What goes out by short message and mail; addresses masked, texts left out: they are for who receives them. POST
    sends parked ones again."""
    if request.method == "POST":
        given = [int(one) for one in request.POST.getlist("row") if one.isascii() and one.isdigit() and len(one) < 19]
        send_again(actor_of(request), given)
        return HttpResponseRedirect("/administration/outbox/")
    state, lane = request.GET.get("state", ""), request.GET.get("after", "")
    found = messages.outbox(actor_of(request))
    found = found.filter(state=state) if state in Delivery.State.values else found
    found = found.filter(pk__lt=int(lane)) if lane.isascii() and lane.isdigit() and len(lane) < 19 else found
    some = list(found.order_by("-id")[: OUTBOX_PAGE + 1])
    rows = [
        (
            each, mask_text(each.title), CHANNELS.get(each.channel, each.channel),
            mask("phone" if each.channel == "sms" else "account", each.clear_address),
        )
        for each in some[:OUTBOX_PAGE]
    ]  # fmt: skip
    context = {
        "rows": rows, "following": some[OUTBOX_PAGE - 1].pk if len(some) > OUTBOX_PAGE else "",
        "state": state, "states": Delivery.State.choices,
    }  # fmt: skip
    return page(request, "pages/outbox.html", context, title="发件箱")


urls: list[URLPattern] = [
    route("administration/", overview, "administration", SIGNED_IN),
    route("administration/outbox/", outbox, "outbox", SIGNED_IN),
    route("administration/people/<int:person_id>/account/", new_account, "new_account", needs("people.account", "add")),
    route(
        "administration/accounts/<int:account_id>/reset/", reset_password, "reset_password",
        needs("people.account", "change"),
    ),
    route("administration/roles/<int:role_id>/permissions/", permissions, "permissions", needs("access.grant", "add")),
]  # fmt: skip
