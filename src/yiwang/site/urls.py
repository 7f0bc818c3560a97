"""Every URL of the platform."""

from django.urls import URLPattern, URLResolver, include, path

from yiwang.kernel.files.pages import download
from yiwang.kernel.pages import account, duties, grants, keys, menu, oidc, sign_in
from yiwang.kernel.registers import api
from yiwang.kernel.ui.routes import PUBLIC, SIGNED_IN, route
from yiwang.site.health import health
from yiwang.site.manifests import manifests

menu.install(manifests())

urlpatterns: list[URLPattern | URLResolver] = [
    route("health/", health, "health", PUBLIC),
    route("files/<int:file_id>/", download, "file", SIGNED_IN),
    path("", include("yiwang.kernel.registers.urls")),
    path("api/", api.urls()),
    *sign_in.urls,
    *account.urls,
    *keys.urls,
    *oidc.urls,
    *duties.urls,
    *grants.urls,
    path("", include("yiwang.kernel.ui.urls")),
    path("", include("yiwang.kernel.pages.urls")),
    *(pattern for domain in menu.domains() for pattern in domain.urls),
]

handler400 = "yiwang.kernel.ui.errors.bad_request"
handler403 = "yiwang.kernel.ui.errors.forbidden"
handler404 = "yiwang.kernel.ui.errors.absent"
handler500 = "yiwang.kernel.ui.errors.failed"
