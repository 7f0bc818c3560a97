"""Columns that hold the instant a limit ends at."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone


class DueField(models.DateTimeField):  # type: ignore[type-arg]
    """The end of a limit, excluded: of one that ends with a day, 00:00 of the next. In migrations the plain column it is.

    Read and filtered as the day whose 24:00 it is (民法典第二百零三条)."""

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", list(args), kwargs


def last_day(at: datetime) -> datetime | None:
    """A moment of the day that a limit ends with; None when it ends at an hour of its own."""
    local = timezone.localtime(at)
    return local - timedelta(minutes=1) if not (local.hour or local.minute or local.second) else None


def written(at: datetime) -> str:
    """2026-12-04 24:00, never 2026-12-05 00:00."""
    day = last_day(at)
    return f"{day:%Y-%m-%d} 24:00" if day else f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
