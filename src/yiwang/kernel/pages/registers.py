"""The kernel's own registers, loaded at start."""

from yiwang.kernel.pages import administration, audit, keys, lake, oidc, upkeep

__all__ = ["administration", "audit", "keys", "lake", "oidc", "upkeep"]
