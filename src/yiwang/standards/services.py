"""Loading published standards into the database. Running it again changes nothing."""

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.models import CalendarVersion
from yiwang.standards.holidays import notices

CALENDAR = "cn"


def load_holidays(actor: Actor) -> int:
    """One calendar version per notice not loaded yet; a site's own later corrections stay as they are."""
    known = set(CalendarVersion.objects.filter(code=CALENDAR).values_list("source", flat=True))
    missing = [notice for notice in notices() if notice.number not in known]
    for notice in missing:
        calendars.publish(actor, CALENDAR, notice.overrides, notice.number, years=[notice.year])
    return len(missing)
