"""Rows of any model, made from its fields alone, all inside one organisation."""

import datetime
import itertools
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from yiwang.data.catalog.models import Item
from yiwang.data.census.models import Duty as DepartmentDuty
from yiwang.data.census.models import NegativeEntry, ResponsibilityEntry
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.clocks.models import Limit, ParkedTimer
from yiwang.kernel.flow.models import ParkedMessage
from yiwang.kernel.flow.terms import TRIES
from yiwang.kernel.lake.models import Edge, Proof
from yiwang.kernel.orgs.models import Organisation, Post
from yiwang.kernel.people.models import AdministratorAppointment, Person

_count = itertools.count(1)
# What makes a row one of its kind beyond the types of its fields.
PARKED: dict[type[models.Model], dict[str, Any]] = {
    ParkedMessage: {"attempts": TRIES},
    ParkedTimer: {"state": "parked"},
    Edge: {"origin": "package:1"},
    Proof: {"content": {"snapshots": [], "files": [], "examined": 0}},
}
# A view has no rows of its own: the row behind it, and how to find the view's line.
BEHIND = {
    ResponsibilityEntry: lambda home: {"duty": make(DepartmentDuty, home, yields_data=True)},
    NegativeEntry: lambda home: {
        "item": make(Item, home, share_type="withheld", share_basis="《数据安全法》第三十八条")
    },
}


def organisation(name: str, parent: Organisation | None = None) -> Organisation:
    made = Organisation.objects.create(code=f"C{next(_count)}", name=name, parent=parent, path="")
    made.path = f"{parent.path if parent else '/'}{made.pk}/"
    made.save(update_fields=["path"])
    return made


def make(model: type[models.Model], home: Organisation, **given: Any) -> Any:
    """A saved row: needed fields filled by their type, foreign keys made alike."""
    if model is Organisation:
        return organisation(f"单位{next(_count)}", home)
    if model in BEHIND:
        return model._default_manager.get(**BEHIND[model](home))
    values = dict(given)
    if model is AdministratorAppointment and not values:
        values = {"duty": Duty.AUDIT, "post": make(Post, home, duty=Duty.AUDIT)}
    values = {**PARKED.get(model, {}), **values}
    if issubclass(model, Limit):
        values = {"code": f"{model._meta.app_label}.{next(_count)}", **values}
    for field in model._meta.concrete_fields:
        if field.name in values or (field.primary_key and not field.is_relation):
            continue
        if field.is_relation and field.related_model is Organisation:
            values[field.name] = home
        elif not (field.null or field.has_default() or getattr(field, "auto_now", False)
                  or getattr(field, "auto_now_add", False)) and (not field.blank or field.unique):  # fmt: skip
            values[field.name] = _value(field, home)
        elif field.name in ("organisation", "created_by", "request") and field.is_relation:
            values[field.name] = make(field.related_model, home)
    return model._default_manager.create(**values)


def _when(field: Any, number: int) -> datetime.date:
    """Another instant or day for each row: rules and terms are unique by the day they begin, and begin before they end."""
    if isinstance(field, models.DateTimeField):
        return timezone.now() + datetime.timedelta(seconds=number)
    return timezone.localdate() + datetime.timedelta(days=number)


def _value(field: Any, home: Organisation) -> Any:
    number = next(_count)
    if field.is_relation:
        return make(field.related_model, home)
    if isinstance(field, ArrayField):
        return [_value(field.base_field, home)]
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, models.DateField):
        return _when(field, number)
    if isinstance(field, models.UUIDField):
        return f"{number:032x}"
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.IntegerField | models.DecimalField | models.FloatField):
        return number if isinstance(field, models.IntegerField) else number % 9 + 1
    return f"甲{number}"[: field.max_length or 20]


def person() -> Person:
    number = next(_count)
    return Person.objects.create(name=f"人{number}", staff_number=f"S{number}")
