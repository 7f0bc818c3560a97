"""A process that imports what jobs need and forks one child for each: `python -m yiwang.kernel.lake.process.nursery FD`.

One thread, no database connection, nothing secret read before the fork. A job's socket is its life: when the far end
closes it, the child is killed; when the child ends, its exit status is the last line.
"""

import array
import gc
import importlib
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

import django
from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured

from yiwang.kernel.lake.process import child
from yiwang.kernel.lake.process.wire import encode


class Nursery:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: dict[int, socket.socket] = {}
        self.poll = select.poll()
        self.woken, self.waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        """Until the worker that started it closes the control socket or dies."""
        signal.set_wakeup_fd(self.waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.poll.register(self.control, select.POLLIN)
        self.poll.register(self.woken, select.POLLIN)
        while True:
            for handle, _ in self.poll.poll():
                if handle == self.control.fileno():
                    if not self._accept():
                        return self._end()
                elif handle == self.woken:
                    os.read(self.woken, 4096)
                else:
                    self._abandon(handle)
            self._reap()

    def _accept(self) -> bool:
        size = array.array("i").itemsize
        message, extras, _, _ = self.control.recvmsg(4096, socket.CMSG_SPACE(size))
        if not message:
            return False
        handles = array.array("i")
        for _, _, data in extras:
            handles.frombytes(data[: len(data) - len(data) % size])
        self._prepare(message.decode().split())
        if not handles:  # warmed, and no more
            return True
        stream = socket.socket(fileno=handles[0])
        pid = os.fork()
        if pid == 0:
            self._become_child(stream)
        self.children[pid] = stream
        self.poll.register(stream, select.POLLRDHUP)
        return True

    def _prepare(self, modules: list[str]) -> None:
        """Import before the fork: the next job of this kind finds it done, and no child looks for garbage among it."""
        before = len(sys.modules)
        for module in modules:
            try:
                try:
                    importlib.import_module(module)
                except (AppRegistryNotReady, ImproperlyConfigured):
                    django.setup()  # as long as all else together, so only where a model is known
                    importlib.import_module(module)
            except Exception as error:  # noqa: BLE001 - the child meets it again and answers with it
                sys.stderr.write(f"engine nursery: {module}: {error!r}\n")
        if len(sys.modules) > before:
            gc.freeze()

    def _become_child(self, stream: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.control.close()
        for other in self.children.values():
            other.close()
        os.close(self.woken)
        os.close(self.waker)
        child.live(stream)

    def _abandon(self, handle: int) -> None:
        for pid, stream in self.children.items():
            if stream.fileno() == handle:
                os.kill(pid, signal.SIGKILL)
                self.poll.unregister(handle)
                return

    def _reap(self) -> None:
        while self.children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            stream = self.children.pop(pid)
            self._tell(stream, {
                "exit": os.waitstatus_to_exitcode(status), "rss_mb": usage.ru_maxrss // 1024,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
            })  # fmt: skip

    def _tell(self, stream: socket.socket, message: dict[str, Any]) -> None:
        with suppress(KeyError):  # abandoned before
            self.poll.unregister(stream)
        with suppress(OSError):  # nobody listens any more
            stream.send(encode(message), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        stream.close()

    def _end(self) -> None:
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    Nursery(socket.socket(fileno=int(sys.argv[1]))).serve()
