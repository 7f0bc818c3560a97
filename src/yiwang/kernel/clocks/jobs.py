"""What a worker repeats for clocks."""

from yiwang.kernel.clocks.services import recompute_pending
from yiwang.kernel.clocks.timers import run_due
from yiwang.kernel.jobs.loops import register

register("clocks.timers", run_due, 1)
register("clocks.recompute", recompute_pending, 10)
