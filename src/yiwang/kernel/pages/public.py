"""The home of the public pages: what anybody may do here, as the domains say."""

from django.http import HttpRequest, HttpResponse

from yiwang.kernel.pages.menu import WINGS, domains
from yiwang.kernel.ui.render import page


def public_home(request: HttpRequest) -> HttpResponse:
    ordered = sorted(domains(), key=lambda domain: list(WINGS).index(domain.wing))  # as in the menu
    offered = [(domain, domain.public) for domain in ordered if domain.public]
    return page(request, "pages/public.html", {"offered": offered}, title="公众服务")
