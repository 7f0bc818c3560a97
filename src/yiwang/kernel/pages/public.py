"""The home of the public pages: what anybody may do here, as the domains say."""

from django.http import HttpRequest, HttpResponse

from yiwang.kernel.pages.menu import domains
from yiwang.kernel.ui.render import page


def public_home(request: HttpRequest) -> HttpResponse:
    offered = [(domain, domain.public) for domain in domains() if domain.public]
    return page(request, "pages/public.html", {"offered": offered}, title="公众服务")
