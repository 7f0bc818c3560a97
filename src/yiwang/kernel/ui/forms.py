"""Forms of flow fields: the fields an action declares, checked and turned into the data the flow stores."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.ui.pickers import PickField
from yiwang.kernel.ui.render import written_options

RADIO_UP_TO = 4
OPINION = "opinion"
FILE_KINDS = ("file", "files")
# What an integer column of the database holds.
LARGEST = 2**31 - 1


class Select(forms.Select):
    """A select box without groups of options, written at once."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        worn = flatatt({"name": name, **self.build_attrs(self.attrs, attrs)})
        return format_html("<select{}>{}</select>", worn, written_options(self.choices, self.format_value(value)))


class SelectMultiple(Select, forms.SelectMultiple):
    def __init__(self, attrs: dict[str, Any] | None = None, choices: Any = ()) -> None:
        super().__init__({"multiple": True, **(attrs or {})}, choices)


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    def __init__(self, **options: Any) -> None:
        super().__init__(widget=FilesInput(), **options)

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        given = data if isinstance(data, list | tuple) else [data] if data else []
        if not given:
            super().clean(None, initial)
        return [super(FilesField, self).clean(each, initial) for each in given]


def _choice(spec: Field, common: dict[str, Any]) -> forms.Field:
    if len(spec.choices) <= RADIO_UP_TO and spec.required:
        return forms.ChoiceField(choices=spec.choices, widget=forms.RadioSelect(), **common)
    return forms.ChoiceField(choices=(("", "请选择"), *spec.choices), **common)


def _boolean(spec: Field, common: dict[str, Any]) -> forms.Field:
    """Yes, no, or not asked: an empty box would make a no of what nobody asked."""
    return forms.TypedChoiceField(
        choices=(("true", "是"), ("false", "否")), coerce=lambda given: given == "true", empty_value=None,
        widget=forms.RadioSelect(), **common,
    )  # fmt: skip


def _datetime(spec: Field, common: dict[str, Any]) -> forms.Field:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(widget=widget, **common)


MAKERS: dict[str, Callable[[Field, dict[str, Any]], forms.Field]] = {
    "text": lambda spec, common: forms.CharField(max_length=500, **common),
    "long_text": lambda spec, common: forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), **common),
    "integer": lambda spec, common: forms.IntegerField(min_value=-LARGEST - 1, max_value=LARGEST, **common),
    "decimal": lambda spec, common: forms.DecimalField(max_digits=18, decimal_places=4, **common),
    "date": lambda spec, common: forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **common
    ),
    "datetime": _datetime,
    "boolean": _boolean,
    "choice": _choice,
    "organisation": lambda spec, common: PickField("organisation", **common),
    "organisations": lambda spec, common: PickField("organisation", multiple=True, **common),
    "post": lambda spec, common: PickField("post", **common),
    "posts": lambda spec, common: PickField("post", multiple=True, **common),
    "case": lambda spec, common: PickField("case", **common),
    "file": lambda spec, common: forms.FileField(**common),
    "files": lambda spec, common: FilesField(**common),
}


def form_field(spec: Field) -> forms.Field:
    return MAKERS[spec.kind](spec, {"label": spec.label, "required": spec.required, "help_text": spec.help})


class FlowForm(forms.Form):
    """The form of one action or operation. `data_of` and `files_of` split what was entered."""

    specs: tuple[Field, ...] = ()

    def data_of(self) -> dict[str, Any]:
        """What was entered, as JSON values; empty optional fields are left out."""
        found = {}
        for spec in self.specs:
            value = self.cleaned_data.get(spec.name)
            if spec.kind in FILE_KINDS or spec.name == OPINION or value in (None, "", []):
                continue
            found[spec.name] = _plain(value)
        return found

    def files_of(self) -> list[tuple[str, Any]]:
        """(field name, upload) of every attachment."""
        found: list[tuple[str, Any]] = []
        for spec in self.specs:
            if spec.kind in FILE_KINDS:
                given = self.cleaned_data.get(spec.name)
                uploads = given if isinstance(given, list) else [given] if given else []
                found += [(spec.name, upload) for upload in uploads]
        return found

    def opinion_of(self) -> str:
        return str(self.cleaned_data.get(OPINION, "")).strip()

    def problems(self) -> dict[str, list[str]]:
        return {name: [str(error) for error in errors] for name, errors in self.errors.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


def flow_form(
    fields: Sequence[Field], *, opinion_required: bool = False, opinion: bool = True, actor: Actor | None = None
) -> type[FlowForm]:
    """A form class of declared fields, with the opinion box every act has; what is chosen is named to `actor`."""
    specs = tuple(fields)
    if opinion and all(spec.name != OPINION for spec in specs):
        specs += (Field(OPINION, "意见", "long_text", required=opinion_required),)
    attributes: dict[str, Any] = {spec.name: form_field(spec) for spec in specs}
    for made in attributes.values():
        if isinstance(made, PickField):
            made.widget.actor = actor
    return type("ActionForm", (FlowForm,), {**attributes, "specs": specs})
