"""Declaring a job: a keyword-only function, idempotent because it may run again after a crash."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RESERVED = frozenset({"key", "at", "owner", "title"})


@dataclass(frozen=True)
class Outcome:
    """What a job may return: a sentence for its owner and a stored file to fetch."""

    message: str = ""
    file_id: int | None = None


@dataclass(frozen=True)
class Declaration:
    name: str
    title: str
    queue: str
    retries: int
    function: Callable[..., Outcome | None]
    wants_job_id: bool

    def __call__(self, **arguments: Any) -> Outcome | None:
        return self.function(**arguments)

    def check(self, arguments: dict[str, Any]) -> None:
        """A wrong argument fails where the job is enqueued, not later in the worker."""
        extra = {"job_id": 0} if self.wants_job_id else {}
        inspect.signature(self.function).bind(**arguments, **extra)


_declared: dict[str, Declaration] = {}


def job(
    name: str, queue: str = "default", retries: int = 3, title: str = ""
) -> Callable[[Callable[..., Outcome | None]], Declaration]:
    """Declare a job. A `job_id` parameter, if the function has one, receives the row to report progress on."""

    def declare(function: Callable[..., Outcome | None]) -> Declaration:
        parameters = inspect.signature(function).parameters
        if any(parameter.kind != parameter.KEYWORD_ONLY for parameter in parameters.values()):
            raise TypeError(f"job {name}: parameters must be keyword-only")
        if clash := RESERVED & set(parameters):
            raise TypeError(f"job {name}: {sorted(clash)} are enqueue's own")
        known = _declared.get(name)
        if known and (known.function.__module__, known.function.__qualname__) != (
            function.__module__,
            function.__qualname__,
        ):
            raise ValueError(f"job {name} declared twice")
        made = Declaration(name, title or name, queue, retries, function, "job_id" in parameters)
        _declared[name] = made
        return made

    return declare


def declared(name: str) -> Declaration | None:
    return _declared.get(name)
