"""What the write door and the pages both ask of a record: its version, its freeze, what may be edited or done."""

import hashlib
import json
import secrets
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.registers.declarations import RecordAction, Register
from yiwang.kernel.registers.queries import offered_columns, unmasked_of


def version_of(register: Register, record: Any) -> str:
    """What a form carries to notice a change made meanwhile: the version, else a digest of the fields."""
    known = getattr(record, "version", None)
    if isinstance(known, int):
        return str(known)
    return hashlib.sha256(json.dumps(snapshot(register, record), sort_keys=True).encode()).hexdigest()[:16]


def snapshot(register: Register, record: Any) -> dict[str, Any]:
    """The declared fields of the record, as the ledger keeps them: foreign keys by name."""
    found: dict[str, Any] = {}
    for bound in offered_columns(register).values():
        if bound.path is None or len(bound.path.chain) > 1:
            continue
        value = bound.path.value(record)
        if isinstance(value, list):
            value = sorted(str(item) for item in value)
        found[bound.name] = str(value) if isinstance(value, Model) else value
    plain: dict[str, Any] = json.loads(json.dumps(found, cls=DjangoJSONEncoder))
    return plain


def editable_fields(actor: Actor, register: Register, record: Any | None) -> tuple[str, ...]:
    """Form fields. Who sees a field masked can't edit it: the stars would be saved over the value."""
    if record is None or record.pk in unmasked_of(actor, register, [record]):
        return register.form_fields
    return tuple(name for name in register.form_fields if name not in register.masks)


def refuse_action(actor: Actor, register: Register, action: RecordAction, record: Any) -> None:
    """Refuse an action that the state of the record does not allow."""
    if not action.on_frozen:
        require_thawed(register, record)
    if action.available is not None and not action.available(actor, record):
        raise Refused(action.why or f"记录当前状态不能“{action.name}”，请刷新页面查看最新情况。", rule="操作条件")


def require_write(actor: Actor, register: Register, verb: str) -> None:
    """Refuse a generic door the declaration or the permissions leave shut."""
    if verb not in register.writes:
        raise Refused(f"“{register.name}”不能在台账中{'新增' if verb == 'add' else '修改'}。", rule="台账声明")
    actor.require(register.guard.code, verb)


def require_thawed(register: Register, record: Any) -> None:
    if register.frozen is not None and register.frozen(record):
        raise Refused(f"这条{register.name}已定稿冻结，不能修改。如确有错误，请按更正程序办理。", rule="冻结记录不可改")


def new_key() -> str:
    """A key for a form, so that pressing twice makes one record."""
    return secrets.token_urlsafe(16)


def digest_of(secret: str) -> str:
    """A token has 256 random bits, so a plain digest is enough; no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
