"""What the worker does for this room."""

from yiwang.kernel.files.services import sweep
from yiwang.kernel.jobs.loops import register

register("files.sweep", sweep, 3600)
