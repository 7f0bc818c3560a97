"""词典的读取。"""

from datetime import date

from django.db.models import QuerySet

from yiwang.city.command.models import Edition, Matter
from yiwang.city.command.terms import EditionState


def edition_in_force(on: date) -> Edition | None:
    """The published edition whose effective date is the latest not after `on`; before the first one, the first: what
    came in earlier has to be handled by somebody too."""
    published = Edition.objects.filter(state=EditionState.PUBLISHED)
    current = published.filter(effective_from__lte=on).order_by("-effective_from", "-published_at").first()
    return current or published.order_by("effective_from", "-published_at").first()


def matters(edition: Edition) -> QuerySet[Matter]:
    return Matter.objects.filter(edition=edition).select_related("responsible").prefetch_related("joint")
