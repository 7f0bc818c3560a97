"""Every URL of the platform."""

from django.urls import URLPattern, URLResolver

from yiwang.kernel.ui.routes import PUBLIC, route
from yiwang.site.health import health

urlpatterns: list[URLPattern | URLResolver] = [
    route("health/", health, "health", PUBLIC),
]

handler400 = "yiwang.kernel.ui.errors.bad_request"
handler403 = "yiwang.kernel.ui.errors.forbidden"
handler404 = "yiwang.kernel.ui.errors.absent"
handler500 = "yiwang.kernel.ui.errors.failed"
