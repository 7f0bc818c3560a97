"""What the worker does for this room."""

from yiwang.kernel.files.services import renew_keys, sweep, tidy
from yiwang.kernel.jobs.loops import register

register("files.sweep", sweep, 3600)
register("files.tidy", tidy, 300)
register("files.renew", renew_keys, 24 * 3600)
