"""A worker process: procrastinate's queue, the registered loops and a heartbeat, ended cleanly by SIGTERM."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import threading
import time
from typing import Any

from django.db import close_old_connections, connections
from django.utils import timezone
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from yiwang.kernel.jobs import services
from yiwang.kernel.jobs.loops import Loop, all_loops, register
from yiwang.kernel.jobs.models import Heartbeat
from yiwang.kernel.ledger import services as ledger

logger = logging.getLogger(__name__)
BEAT_SECONDS = 5.0
LONGEST_PAUSE, BUSY_PAUSE = 60.0, 0.02


class WorkerProcess:
    """One per process; `run` returns when asked to stop."""

    def __init__(self, concurrency: int = 2) -> None:
        # Never the same twice, also after a restart with the same process id.
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.concurrency = concurrency
        self.stopping = threading.Event()
        self.states: dict[str, dict[str, Any]] = {}
        self._runner: asyncio.Task[None] | None = None

    def run(self) -> None:
        threads = [
            threading.Thread(target=self._repeat, args=(loop,), name=loop.name, daemon=True)
            for loop in [Loop("heartbeat", self._beat, BEAT_SECONDS), *all_loops()]
        ]
        for thread in threads:
            thread.start()
        try:
            asyncio.run(self._serve())
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join(timeout=30)
            self._beat(stopped=True)
            connections.close_all()

    async def _serve(self) -> None:
        """Serve the queue; after a database outage begin again instead of dying."""
        running = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, self._stop)
        while not self.stopping.is_set():
            self._runner = asyncio.create_task(self._serve_once())
            try:
                await self._runner
            except asyncio.CancelledError:
                break
            except Exception:
                logger.exception("the queue stopped; beginning again in two seconds")
            if not self.stopping.is_set():
                await asyncio.sleep(2)

    async def _serve_once(self) -> None:
        # An application of its own: whoever queues a job meanwhile, a loop or another job, still does so through the
        # platform's, inside the caller's transaction.
        serving = App(connector=DjangoConnector().get_worker_connector())
        serving.tasks = app.tasks
        async with serving.open_async():
            await serving.run_worker_async(
                name=self.name,
                concurrency=self.concurrency,
                install_signal_handlers=False,
                delete_jobs="always",
                update_heartbeat_interval=BEAT_SECONDS,
                stalled_worker_timeout=services.WORKER_SILENT.total_seconds(),
                additional_context={"process": self.name},
            )

    def _stop(self) -> None:
        logger.info("worker %s stops after the jobs in hand", self.name)
        self.stopping.set()
        if self._runner is not None:
            self._runner.cancel()

    def _repeat(self, loop: Loop) -> None:
        pause = loop.after_seconds
        while not self.stopping.wait(pause):
            close_old_connections()
            started = time.monotonic()
            try:
                did = loop.callable() or 0
            except Exception as error:
                logger.exception("loop %s failed", loop.name)
                pause = min(max(pause, loop.every_seconds, 1.0) * 2, max(LONGEST_PAUSE, loop.every_seconds))
                self._note(loop, started, f"{type(error).__name__}: {error}"[:300])
                connections.close_all()
            else:
                pause = BUSY_PAUSE if did else loop.every_seconds
                self._note(loop, started, "")
        connections.close_all()

    def _note(self, loop: Loop, started: float, error: str) -> None:
        took = round(time.monotonic() - started, 3)
        self.states[loop.name] = {"at": timezone.now().isoformat(), "seconds": took, "error": error}

    def _beat(self, *, stopped: bool = False) -> None:
        now = timezone.now()
        Heartbeat.objects.update_or_create(
            worker=self.name,
            defaults={"beat_at": now, "loops": dict(self.states), "stopped_at": now if stopped else None},
            create_defaults={"started_at": now, "beat_at": now},
        )


@app.task(name=services.DELIVERY, pass_context=True)
def run_delivered(context: Any, *, job_id: int) -> None:
    """The only task procrastinate knows; retries, states and errors are ours."""
    services.execute(job_id, context.additional_context["process"])


def _sweep() -> None:
    ledger.seal(sweep=True)
    ledger.bill()


register("jobs.reap", services.reap, 10)
register("jobs.tidy", services.tidy, 3600)
register("ledger.seal", ledger.seal, 2)
register("ledger.sweep", _sweep, 900)
