"""Choosing one of many (an organisation, a post, a case): a search box over what the actor may choose."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.orgs.models import Organisation, Post
from yiwang.kernel.ui.render import actor_of, fragment

SHOWN = 20


@dataclass(frozen=True)
class Picker:
    """`search` offers (value, label) pairs to an actor; `labels` names values already chosen, absent ones left out.

    `labels` gets the actor who looks where the page knows; a picker of scoped rows names no more than he may see.
    """

    code: str
    search: Callable[[Actor, str], Iterable[tuple[str, str]]]
    labels: Callable[[list[str], Actor | None], dict[str, str]]
    placeholder: str = "输入名称搜索"


_pickers: dict[str, Picker] = {}


def register_picker(picker: Picker) -> Picker:
    _pickers[picker.code] = picker
    return picker


def picker(code: str) -> Picker:
    if code not in _pickers:
        raise Refused("没有这种选择项。", code="absent")
    return _pickers[code]


def pick(request: HttpRequest, code: str) -> HttpResponse:
    """The list under a search box."""
    text = request.GET.get("pick", "").strip()[:50]
    options = list(picker(code).search(actor_of(request), text))[:SHOWN]
    return fragment(request, "ui/picker_list.html", {"options": options, "full": len(options) == SHOWN})


def _organisations(actor: Actor, text: str) -> Iterable[tuple[str, str]]:
    rows = Organisation.objects.filter(valid_until=None)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(short_name__icontains=text) | Q(code__startswith=text))
    return [(str(row.pk), row.name) for row in rows[:SHOWN]]


def _posts(actor: Actor, text: str) -> Iterable[tuple[str, str]]:
    rows = Post.objects.filter(active=True, duty=Duty.BUSINESS).select_related("organisation")
    for word in text.split():
        unit = Q(organisation__name__icontains=word) | Q(organisation__short_name__icontains=word)
        rows = rows.filter(unit | Q(name__icontains=word))
    return [(str(row.pk), f"{row.organisation.name} · {row.name}") for row in rows[:SHOWN]]


def _keys(values: list[str]) -> list[int]:
    return [int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 19]


def _organisation_labels(values: list[str], actor: Actor | None) -> dict[str, str]:
    return {str(row.pk): row.name for row in Organisation.objects.filter(pk__in=_keys(values))}


def _post_labels(values: list[str], actor: Actor | None) -> dict[str, str]:
    rows = Post.objects.filter(pk__in=_keys(values)).select_related("organisation")
    return {str(row.pk): f"{row.organisation.name} · {row.name}" for row in rows}


register_picker(Picker("organisation", _organisations, _organisation_labels, "输入机构名称或代码"))
register_picker(Picker("post", _posts, _post_labels, "输入机构或岗位名称"))


class PickerWidget(forms.Widget):
    template_name = "ui/picker.html"

    def __init__(self, code: str, multiple: bool = False, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.code, self.multiple = code, multiple
        self.actor: Actor | None = None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        values = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
        return [value for value in values if value]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        values = value if isinstance(value, list | tuple) else [value] if value else []
        labels = picker(self.code).labels([str(each) for each in values], self.actor)
        context["widget"].update(
            code=self.code, multiple=self.multiple, chosen=labels.items(), placeholder=picker(self.code).placeholder
        )
        context["widget"]["attrs"].pop("required", None)
        return context

    def use_required_attribute(self, initial: Any) -> bool:
        return False


class PickField(forms.Field):
    """One key, or a list of keys, each of which must exist; scope is checked again by the service that acts."""

    def __init__(self, code: str, *, multiple: bool = False, **options: Any) -> None:
        super().__init__(widget=PickerWidget(code, multiple), **options)
        self.code, self.multiple = code, multiple

    def clean(self, value: list[str]) -> Any:
        super().clean(value)
        known = picker(self.code).labels(value, None) if value else {}
        if len(known) != len(set(value)):
            raise forms.ValidationError("所选项目已不存在，请重新选择。")
        keys = [int(each) for each in value]
        if self.multiple:
            return keys
        if len(keys) > 1:
            raise forms.ValidationError("这里只能选择一项。")
        return keys[0] if keys else None
