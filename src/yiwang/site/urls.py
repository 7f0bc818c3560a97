"""Every URL of the platform."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []

handler400 = "yiwang.kernel.ui.errors.bad_request"
handler403 = "yiwang.kernel.ui.errors.forbidden"
handler404 = "yiwang.kernel.ui.errors.absent"
handler500 = "yiwang.kernel.ui.errors.failed"
