"""Sealed files: round trip, every change noticed, keys rotated."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.kernel.crypto import CryptoProblem, sealing
from yiwang.kernel.crypto.sealing import is_current, open_file, rewrap, seal_file


def sealed(plain: bytes, name: str = "package:1") -> bytes:
    made = io.BytesIO()
    assert seal_file(io.BytesIO(plain), made, name) == len(plain)
    return made.getvalue()


def opened(content: bytes, name: str = "package:1") -> bytes:
    return b"".join(open_file(io.BytesIO(content), name))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "CHUNK", 64)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 1000])
def test_what_was_sealed_opens_again_and_shows_nothing(small: None, size: int) -> None:
    plain = ("机密" * size).encode()[:size]
    content = sealed(plain)
    assert opened(content) == plain
    assert size < 8 or plain[:8] not in content


def test_another_file_or_a_shorter_one_does_not_open(small: None) -> None:
    content = sealed(b"a" * 200)
    head, _, rest = content.partition(b"\n")
    block = 4 + 64 + sealing.NONCE + sealing.TAG
    swapped = head + b"\n" + rest[block : 2 * block] + rest[:block] + rest[2 * block :]
    for wrong, name in ((content, "package:2"), (content[:-1], "package:1"), (head + b"\n" + rest[:block], "package:1"), (swapped, "package:1"),
                        (head + b"\n", "package:1"), (b"", "package:1"), (b"{}\n", "package:1")):  # fmt: skip
        with pytest.raises(CryptoProblem):
            opened(wrong, name)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    content = bytearray(sealed(b"0123456789" * 30))
    at = data.draw(st.integers(content.index(b"\n") + 1, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CryptoProblem):
        opened(bytes(content))


def test_keys_rotate_without_touching_the_content(settings: object) -> None:
    old = settings.SECRET_KEY  # type: ignore[attr-defined]
    content = sealed(b"x" * 100)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-secret-of-the-site", [old]  # type: ignore[attr-defined]
    assert is_current(io.BytesIO(sealed(b"new"))) and not is_current(io.BytesIO(content))
    made = io.BytesIO()
    rewrap(io.BytesIO(content), made, "package:1")
    assert made.getvalue().partition(b"\n")[2] == content.partition(b"\n")[2]
    settings.SECRET_KEY_FALLBACKS = []  # type: ignore[attr-defined]
    assert opened(made.getvalue()) == b"x" * 100
    with pytest.raises(CryptoProblem):
        opened(content)
