"""Sealed files of the lake, open for one run of an engine: the one way a run comes to read them.

Whoever starts a run names files by the path of their row. Those that lie sealed are opened beside it in a private
folder (`sealed.clear`), and the run is told those paths instead; nothing is done for files that lie as they are.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.crypto import CryptoProblem
from yiwang.kernel.files import sealed
from yiwang.kernel.lake import places


def bytes_sealed(paths: Iterable[str]) -> int:
    """How much of it lies sealed."""
    return sum(sealed.size_of(Path(path)) for path in paths)


def _open(path: Path, target: Path) -> None:
    try:
        sealed.copy_open(path, target)
    except CryptoProblem as problem:
        raise Refused(f"湖表的数据文件打不开，没有读取：{problem}", rule="加密存放的数据须有密钥") from problem


class Opened:
    """`size`: bytes of sealed files opened so far; they are gone when the block ends."""

    def __init__(self) -> None:
        self.size = 0
        self._stack, self._paths = ExitStack(), dict[str, str]()
        self._root = f"{places.root()}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def within(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Parameters of a run with the paths it can read."""
        named = {text for text in self._named(params) if text not in self._paths}
        sizes = {text: size for text in sorted(named) if (size := sealed.size_of(Path(text)))}
        if sizes:
            folder = self._stack.enter_context(sealed.clear(sum(sizes.values())))
            for text in sizes:
                self._paths[text] = str(folder / Path(text).name)
                _open(Path(text), folder / Path(text).name)
            self.size += sum(sizes.values())
        return self._swapped(params) if self._paths else params

    def _named(self, value: Any) -> Iterator[str]:
        """Texts that are paths of the lake."""
        if isinstance(value, str):
            if value.startswith(self._root):
                yield value
        elif isinstance(value, Mapping):
            for each in value.values():
                yield from self._named(each)
        elif isinstance(value, list | tuple):
            for each in value:
                if not isinstance(each, int | float):
                    yield from self._named(each)

    def _swapped(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._paths.get(value, value)
        if isinstance(value, Mapping):
            return {name: self._swapped(each) for name, each in value.items()}
        return [self._swapped(each) for each in value] if isinstance(value, list | tuple) else value
