"""What a function that runs in the engine process is given."""

import socket
from pathlib import Path
from typing import Any

from yiwang.kernel.lake.process.wire import encode


class Task:
    """Limits, folder and progress of one run. `connect` gives the only kind of DuckDB connection there is."""

    def __init__(self, stream: socket.socket, request: dict[str, Any]) -> None:
        self._stream = stream
        self.folder = Path(request["folder"])
        self.memory_mb: int = request["memory_mb"]
        self.threads: int = request["threads"]
        self.spill_mb: int = request["file_mb"]

    def progress(self, done: int, total: int, message: str = "") -> None:
        self._stream.sendall(encode({"progress": [done, total, message]}))
