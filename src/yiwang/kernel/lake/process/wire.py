"""What the two ends of a job's socket say to each other: JSON lines."""

import json
import socket
from typing import Any

BLOCK = 1 << 16
LONGEST_RESULT = 4 << 20


def encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, default=str).encode() + b"\n"


class Lines:
    """Reads messages from a stream socket; None at its end, TimeoutError when nothing came in time."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream, self.rest = stream, bytearray()

    def next(self) -> dict[str, Any] | None:
        while (end := self.rest.find(b"\n")) < 0:
            try:
                block = self.stream.recv(BLOCK)
            except ConnectionResetError:
                return None
            if not block:
                return None
            self.rest += block
        line = bytes(self.rest[:end])
        del self.rest[: end + 1]
        found: dict[str, Any] = json.loads(line)
        return found
