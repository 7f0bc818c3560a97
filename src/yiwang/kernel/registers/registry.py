"""Every register that exists."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import register as register_check
from django.core.exceptions import FieldError

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.access.doors import Resource, register_resource, resources, rows
from yiwang.kernel.files.doors import register_owner
from yiwang.kernel.registers.declarations import Register
from yiwang.kernel.registers.paths import DeclarationError, resolve
from yiwang.kernel.search.indexing import is_indexed

_registers: dict[str, Register] = {}


def register(declared: Register) -> Register:
    """Add a register; a name its model does not have fails here."""
    existing = _registers.get(declared.code)
    if existing is declared:
        return declared
    if existing is not None:
        raise DeclarationError(f"register {declared.code} declared twice")
    problems = list(_problems(declared))
    if problems:
        raise DeclarationError(f"{declared.code}: " + "; ".join(problems))
    if declared.resource is None or declared.guard.code not in resources():
        register_resource(declared.guard)
    if declared.attachments:
        register_owner(declared.code, lambda actor, pk: rows(actor, declared.guard.code).filter(pk=pk).exists())
    _registers[declared.code] = declared
    return declared


def all_registers() -> list[Register]:
    return list(_registers.values())


def find(code: str) -> Register:
    if code not in _registers:
        raise Refused("没有这个台账。", rule="台账须先声明", code="absent")
    return _registers[code]


def of_model(model: type[Any]) -> Register | None:
    """The register rows of a model are picked through."""
    return next((item for item in _registers.values() if item.model is model), None)


_words: dict[str, str] = {}


def name_words(pairs: Iterable[tuple[str, str]]) -> None:
    """What officers call the actions and facts of ledger entries, which themselves keep codes."""
    _words.update(pairs)


def word(code: str) -> str:
    return _words.get(code, code)


def coded(texts: list[str]) -> list[str]:
    """The codes whose word has one of the texts."""
    return [code for code, said in _words.items() if any(text in said for text in texts)]


def name_of_kind(code: str) -> str:
    """What the rows of a register or resource are called; the code when nobody declared one."""
    return known[code].name if code in (known := kinds()) else code


def kinds() -> dict[str, Register | Resource]:
    """Everything the ledger may tell of, by its code there."""
    return {**resources(), **_registers}


def readable(actor: Actor) -> list[Register]:
    return [item for item in _registers.values() if actor.can(item.guard.code, "view")]


def _problems(declared: Register) -> Sequence[str]:
    """Resolve everything once; what does not resolve raises or is listed."""
    names = [column.name for column in declared.bound_columns]
    found = [f"column {name} twice" for name in set(names) if names.count(name) > 1]
    known = set(names) | {bound.name for _, bounds in declared.bound_sections for bound in bounds}
    found += [f"mask {name} is not shown" for name in declared.masks if name not in known]
    found += [f"search {name} is not text" for name in declared.search
              if resolve(declared.model, name).kind not in {"text", "long_text"}]  # fmt: skip
    found += [f"sort {name} leaves the table" for name in declared.order
              if len(resolve(declared.model, name.lstrip("-")).chain) > 1]  # fmt: skip
    if declared.large and declared.search and not is_indexed(declared.model, tuple(declared.search)):
        found.append(f"a large register needs a BigramIndex over {declared.search}")
    codes = [action.code for action in declared.actions]
    found += [f"action {code} twice" for code in set(codes) if codes.count(code) > 1]
    found += [f"action {action.code} field {item.name}: {item.kind} is not possible here"
              for action in declared.actions for item in action.fields if item.kind in {"file", "files"}]  # fmt: skip
    for path in filter(None, (declared.guard.organisation, declared.guard.owner)):
        _reaches(declared, path)
    if not declared.bound_filters and declared.filters:
        found.append("filters")
    if declared.serial is not None:
        resolve(declared.model, declared.serial.field)
    if declared.importing is not None and declared.importing.write is not None:
        known = {column.name for column in declared.importing.columns}
        found += [f"import key {name} is no column" for name in declared.importing.key if name not in known]
    elif declared.importing is not None:
        for name in (*declared.importing.key, *declared.importing.fields):
            resolve(declared.model, name)
    return found


def _reaches(declared: Register, path: str) -> None:
    """A scope path may cross to many rows (a person's posts), so it is tried as a filter."""
    try:
        str(declared.model._default_manager.filter(**{f"{path}__isnull": True}).query)
    except FieldError as error:
        raise DeclarationError(f"{declared.code}: scope path {path}: {error}") from error


@register_check()
def check_registers(**_: object) -> list[CheckMessage]:
    """`manage.py check`: the declarations still fit the models after all apps are loaded."""
    found: list[CheckMessage] = []
    for declared in _registers.values():
        found += [Error(f"{declared.code}: {problem}", id="registers.E001") for problem in _problems(declared)]
    return found
