"""API tokens: one's own, made, shown once, taken back; and everybody's, for the security administrator."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.cache import never_cache

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.pages.forms import TokenForm, attempt
from yiwang.kernel.registers import services
from yiwang.kernel.registers.declarations import Column, RecordAction, Register
from yiwang.kernel.registers.models import ApiToken
from yiwang.kernel.registers.queries import tokens as own_tokens
from yiwang.kernel.registers.registry import all_registers, register
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import SIGNED_IN, route


def limits(token: ApiToken) -> str:
    """The registers a token is limited to, in words."""
    names = {register.code: register.name for register in all_registers()}
    return "、".join(names.get(code, code) for code in token.registers) or "账号可用的全部接口"


def state(token: ApiToken) -> str:
    return "已收回" if token.revoked_at else "已失效" if token.expires_at <= timezone.now() else "有效"


def _take_back(actor: Actor, token: ApiToken, data: dict[str, Any]) -> None:
    services.revoke_token(actor, token.pk, data["reason"])


TOKENS = register(
    Register(
        code="access.token", model=ApiToken, name="接口令牌", writes=(), api=False,
        resource=Resource("access.token", "接口令牌", ApiToken, organisation=None, owner=None,
                          verbs=(("view", "查看"), ("export", "导出"), ("revoke", "收回"))),
        columns=("account__person", "account__username", "name", "access", Column(limits, "限于台账"), "created_at",
                 "used_at", "expires_at", Column(state, "状态")),
        filters=("access", "used_at", "expires_at", "revoked_at"), search=("name",), sort=("-pk",),
        related=("account__person",),
        actions=(
            RecordAction("revoke", "收回", _take_back, (Field("reason", "理由", required=True),),
                         lambda actor, token: token.revoked_at is None, why="该令牌已收回。",
                         confirm="收回后立即失效，使用它的系统将不能再调用接口。"),
        ),
        empty="还没有人签发接口令牌。",
    )
)  # fmt: skip


@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """The list, and a new token; its text is in this answer and nowhere else."""
    actor, secret = actor_of(request), ""
    form = TokenForm(request.POST or None, actor=actor)
    if request.method == "POST":
        made = attempt(form, lambda data: services.issue_token(actor, actor.account_id or 0, data.pop("name"), **data))
        if made is not None:
            secret, form = made[1], TokenForm(actor=actor)
    context = {
        "form": form, "secret": secret, "now": timezone.now(),
        "tokens": [(token, limits(token)) for token in own_tokens(actor)],
    }  # fmt: skip
    return page(request, "pages/tokens.html", context, title="我的接口令牌", status=422 if form.errors else 200)


def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    if request.method == "POST":
        services.revoke_token(actor_of(request), token_id)
    return HttpResponseRedirect("/account/tokens/")


urls: list[URLPattern] = [
    route("account/tokens/", tokens, "tokens", SIGNED_IN),
    route("account/tokens/<int:token_id>/revoke/", revoke, "revoke_token", SIGNED_IN),
]
