"""What the worker does for this room."""

from yiwang.kernel.jobs.loops import register
from yiwang.kernel.messages.services import deliver

register("messages.outbox", deliver, 1)
