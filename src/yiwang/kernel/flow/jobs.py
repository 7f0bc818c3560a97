"""What a worker repeats for cases, and what clocks ask of the room above them."""

from yiwang.kernel.clocks.above import on_due_moved, on_rung, owned_by
from yiwang.kernel.clocks.terms import RungKind
from yiwang.kernel.flow.models import Case
from yiwang.kernel.flow.outbox import deliver
from yiwang.kernel.flow.services.bills import bill_finished_days
from yiwang.kernel.flow.timing import effect, moved, notice
from yiwang.kernel.jobs.loops import register

owned_by(Case)
on_rung(RungKind.NOTICE, notice)
on_rung(RungKind.EFFECT, effect)
on_due_moved(moved)
register("flow.outbox", deliver, 1)
register("flow.bills", bill_finished_days, 3600)
