"""The kernel's own registers, loaded at start."""

from yiwang.kernel.pages import administration

__all__ = ["administration"]
