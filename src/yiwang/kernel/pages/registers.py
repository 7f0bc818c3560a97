"""The kernel's own registers, loaded at start."""

from yiwang.kernel.pages import administration, upkeep

__all__ = ["administration", "upkeep"]
