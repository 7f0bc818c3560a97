"""Reads of organisations."""

from datetime import date

from django.db.models import Q, QuerySet
from django.utils import timezone

from yiwang.kernel.orgs.models import Organisation


def in_use(prefix: str = "", on: date | None = None) -> Q:
    """Organisations that have not been retired by today, or by another day."""
    until = f"{prefix}valid_until"
    return Q(**{f"{until}__isnull": True}) | Q(**{f"{until}__gte": on or timezone.localdate()})


def subtree(organisation: Organisation) -> QuerySet[Organisation]:
    """The organisation and everything under it."""
    return Organisation.objects.filter(path__startswith=organisation.path)


def ancestors(organisation: Organisation) -> QuerySet[Organisation]:
    """From the root down to the organisation itself."""
    steps = [int(step) for step in organisation.path.strip("/").split("/")]
    return Organisation.objects.filter(pk__in=steps).order_by("path")
