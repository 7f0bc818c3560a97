"""How a value of a kind of field is shown to who may not see it."""

from yiwang.data.masters.terms import FieldKind
from yiwang.kernel.crypto.masks import mask


def masked(kind: str, text: str | None) -> str:
    found = FieldKind(kind).mask
    return mask(found, text) if found else (text or "")
