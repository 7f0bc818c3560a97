"""The kernel's own registers, loaded at start."""

from yiwang.kernel.pages import administration, keys, lake, oidc, upkeep

__all__ = ["administration", "keys", "lake", "oidc", "upkeep"]
