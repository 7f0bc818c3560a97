"""URLs of the ui room itself."""

from yiwang.kernel.ui.pickers import pick
from yiwang.kernel.ui.routes import SIGNED_IN, route

urlpatterns = [route("pick/<slug:code>/", pick, "pick", SIGNED_IN)]
