"""URLs of the kernel's own pages. Loading them puts the menu into the shell."""

from yiwang.kernel.pages.about import chapter, flow, flow_bpmn, flows, help_page, system
from yiwang.kernel.pages.calendar import calendar_page
from yiwang.kernel.pages.cases import act_page, case_page
from yiwang.kernel.pages.figures import figure, figures, figures_of, headlines
from yiwang.kernel.pages.finding import search
from yiwang.kernel.pages.home import home
from yiwang.kernel.pages.inbox import batch, inbox
from yiwang.kernel.pages.menu import shell_parts
from yiwang.kernel.pages.notices import jobs, notification, notifications
from yiwang.kernel.pages.public import public_home
from yiwang.kernel.ui.render import contribute
from yiwang.kernel.ui.routes import PUBLIC, SIGNED_IN, route

contribute(shell_parts)
urlpatterns = [
    route("", home, "home", SIGNED_IN),
    route("public/", public_home, "public_home", PUBLIC),
    route("inbox/<slug:code>/", inbox, "inbox", SIGNED_IN),
    route("inbox/<slug:code>/batch/", batch, "inbox_batch", SIGNED_IN),
    route("cases/<int:case_id>/", case_page, "case", SIGNED_IN),
    route("cases/<int:case_id>/<slug:kind>/<slug:code>/", act_page, "case_act", SIGNED_IN),
    route("search/", search, "search", SIGNED_IN),
    route("notifications/", notifications, "notifications", SIGNED_IN),
    route("notifications/<int:message_id>/", notification, "notification", SIGNED_IN),
    route("jobs/", jobs, "jobs", SIGNED_IN),
    route("calendar/", calendar_page, "calendar", SIGNED_IN),
    route("flows/", flows, "flows", SIGNED_IN),
    route("flows/<int:version_id>/", flow, "flow", SIGNED_IN),
    route("flows/<int:version_id>/bpmn/", flow_bpmn, "flow_bpmn", SIGNED_IN),
    route("figures/", figures, "figures", SIGNED_IN),
    route("figures/headlines/", headlines, "headlines", SIGNED_IN),
    route("figures/of/<str:domain>/", figures_of, "figures_of", SIGNED_IN),
    route("figures/<str:code>/", figure, "figure", SIGNED_IN),
    route("help/", help_page, "help", SIGNED_IN),
    route("help/<slug:slug>/", chapter, "chapter", SIGNED_IN),
    route("system/", system, "system", SIGNED_IN),
]
