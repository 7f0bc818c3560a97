"""The one form of a register: page, API and import all pass through it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.forms.models import ModelForm, modelform_factory

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import rows
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.registers.declarations import Register
from yiwang.kernel.registers.paths import resolve
from yiwang.kernel.registers.registry import of_model

MANY = 300
SEPARATOR = " · "
NAMES = ("code", "name", "short_name", "title", "number", "staff_number")


class PickInput(forms.TextInput):
    """A text box with suggestions; without scripts the exact name or number works as well."""

    template_name = "registers/pick_input.html"

    def __init__(self, address: str) -> None:
        super().__init__({"autocomplete": "off"})
        self.address = address

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return {**super().get_context(name, value, attrs), "address": self.address}


class PickField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A foreign key by number, by “number · name” or by an exact, unique name."""

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(self.widget, PickInput) or value in (None, ""):
            return super().prepare_value(value)
        found = value if isinstance(value, Model) else self._numbered(str(value))
        return f"{found.pk}{SEPARATOR}{found}" if found is not None else value

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values or isinstance(value, Model):
            # Only importing hands over rows, and takes them from the same candidates.
            return value or None
        text = str(value).split(SEPARATOR, 1)[0].strip()
        chosen = self._numbered(text)
        if chosen is not None:
            return chosen
        found = list(self._offered().filter(named(self._offered().model, text))[:2])
        if len(found) != 1:
            word = "有多个同名" if found else "没有找到，或不在您的数据范围内"
            raise ValidationError(f"“{text}”{word}，请从候选中选择。", code="invalid_choice")
        return found[0]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            chosen = self.to_python(data)
        except ValidationError:
            return True
        return str(getattr(chosen, "pk", "")) != str(initial or "")

    def _offered(self) -> QuerySet[Any]:
        if self.queryset is None:
            raise ValueError("a pick field needs its rows")
        return self.queryset.all()

    def _numbered(self, text: str) -> Any:
        return self._offered().filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None


def named(model: type[Model], text: str | set[str], how: str = "exact") -> Q:
    """Rows of `model` called `text`: by code, name, short name, title or number."""
    known = {field.name for field in model._meta.concrete_fields}
    found = Q(pk__in=[])
    for name in NAMES:
        if name in known:
            found |= Q(**{f"{name}__{how}": text})
    return found


def organisations(actor: Actor, resource: str, verb: str) -> QuerySet[Organisation]:
    """Organisations in which the actor holds the verb; for “own” scope the actor's own one."""
    everything = Organisation.objects.order_by("path")
    permissions = list(actor.permissions_for(resource, verb))
    if actor.system or any(item.scope == Scope.ALL for item in permissions):
        return everything
    found = Q(pk__in=[])
    for item in permissions:
        if item.scope in (Scope.ORGANISATION, Scope.OWN):
            found |= Q(pk=item.organisation_id)
        for path in item.custom_paths if item.scope == Scope.CUSTOM else ():
            found |= Q(path__startswith=path)
        if item.scope == Scope.TREE:
            found |= Q(path__startswith=item.organisation_path)
    return everything.filter(found)


def candidates(actor: Actor, register: Register, name: str, verb: str) -> QuerySet[Any]:
    """What a foreign key may be set to or, with the verb view, filtered by: never more than the actor may see."""
    target = resolve(register.model, name).field.related_model
    if name == register.guard.organisation:
        return organisations(actor, register.guard.code, verb)
    owner = of_model(target) if target is not Organisation else None
    found: QuerySet[Any] = rows(actor, owner.guard.code) if owner is not None else target._default_manager.all()
    return found if verb == "view" else found.filter(register.offers.get(name, Q()))


def form_class(actor: Actor, register: Register, names: tuple[str, ...], verb: str) -> "type[ModelForm[Any]]":
    def make(field: Any, **kwargs: Any) -> forms.Field | None:
        if field.is_relation:
            allowed = candidates(actor, register, field.name, verb)
            if field.many_to_many:
                return forms.ModelMultipleChoiceField(allowed, label=field.verbose_name, required=not field.blank)
            picked = PickField(queryset=allowed, label=field.verbose_name, help_text=field.help_text,
                             required=not field.blank, empty_label="")  # fmt: skip
            if len(allowed.values_list("pk", flat=True)[: MANY + 1]) > MANY:
                picked.widget = PickInput(f"{register.url}pick/{field.name}/?verb={verb}")
            return picked
        made: forms.Field | None = field.formfield(**kwargs)
        if made is not None and type(made) is forms.DateField:
            made.widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
        elif made is not None and type(made) is forms.DateTimeField:
            made.widget = forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")
        return made

    return modelform_factory(register.model, form=ModelForm, fields=list(names), formfield_callback=make)
