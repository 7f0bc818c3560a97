"""Long exports and imports, declared where the worker looks."""

from yiwang.kernel.registers.exporting import export_job
from yiwang.kernel.registers.services.imports import import_job

__all__ = ["export_job", "import_job"]
