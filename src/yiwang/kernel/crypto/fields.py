"""Columns that hold tokens of `encrypt`, and keyed digests that a sealed value is found by.

Declared where the column is, so that renewing the platform's key reaches every one of them. In migrations they are the
plain columns they are in the database.
"""

from typing import Any

from django.db import models


class _Plain:
    """Leaves out of migrations what only renewal needs to know."""

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc]
        base = "TextField" if isinstance(self, models.TextField) else "CharField"
        return name, f"django.db.models.{base}", args, kwargs


class SealedText(_Plain, models.TextField):  # type: ignore[type-arg]
    """A token; `about` is the context it was sealed with."""

    def __init__(self, *args: Any, about: str = "", **kwargs: Any) -> None:
        self.about = about
        super().__init__(*args, **kwargs)


class SealedLine(_Plain, models.CharField):  # type: ignore[type-arg]
    """As SealedText, of bounded length."""

    def __init__(self, *args: Any, about: str = "", **kwargs: Any) -> None:
        self.about = about
        super().__init__(*args, **kwargs)


class KeyedDigest(_Plain, models.CharField):  # type: ignore[type-arg]
    """A digest to look a sealed value up by, made with `mac(…, purpose)`.

    `remade`: "module:function" that makes it again from a row under the current key, "" when the value is gone.
    `related`: relations that function reads.
    """

    def __init__(self, *args: Any, remade: str = "", related: tuple[str, ...] = (), **kwargs: Any) -> None:
        self.remade, self.related = remade, related
        super().__init__(*args, **kwargs)
