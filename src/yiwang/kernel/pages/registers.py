"""The kernel's own registers, loaded at start."""

from yiwang.kernel.pages import administration, lake, upkeep

__all__ = ["administration", "lake", "upkeep"]
