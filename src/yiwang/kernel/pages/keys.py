"""One's own API tokens: made, shown once, taken back."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.cache import never_cache

from yiwang.kernel.pages.forms import TokenForm, attempt
from yiwang.kernel.registers import services
from yiwang.kernel.registers.queries import tokens as own_tokens
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import SIGNED_IN, route


@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """The list, and a new token; its text is in this answer and nowhere else."""
    actor, secret = actor_of(request), ""
    form = TokenForm(request.POST or None)
    if request.method == "POST":
        made = attempt(
            form, lambda data: services.issue_token(actor, actor.account_id or 0, data["name"], days=data["days"])
        )
        if made is not None:
            secret, form = made[1], TokenForm()
    context = {"form": form, "secret": secret, "tokens": own_tokens(actor), "now": timezone.now()}
    return page(request, "pages/tokens.html", context, title="我的接口令牌", status=422 if form.errors else 200)


def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    if request.method == "POST":
        services.revoke_token(actor_of(request), token_id)
    return HttpResponseRedirect("/account/tokens/")


urls: list[URLPattern] = [
    route("account/tokens/", tokens, "tokens", SIGNED_IN),
    route("account/tokens/<int:token_id>/revoke/", revoke, "revoke_token", SIGNED_IN),
]
