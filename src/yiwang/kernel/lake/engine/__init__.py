"""Where heavy work runs: a process of its own with limits, forked from a warm nursery. Never in a web process."""

from yiwang.kernel.lake.engine.guard import serving
from yiwang.kernel.lake.engine.running import EngineFailed, Session, Usage, observed, run, session, warm

__all__ = ["EngineFailed", "Session", "Usage", "observed", "run", "serving", "session", "warm"]
