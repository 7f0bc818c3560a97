"""What a reader sees of a downloaded report: the text of a DOCX and of a PDF."""

import io
import re
import zipfile
import zlib
from itertools import pairwise

STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.S)
SINGLE = re.compile(rb"<([0-9A-Fa-f]{4})>\s*<([0-9A-Fa-f]+)>")
STRING = re.compile(rb"<([0-9A-Fa-f\s]+)>|\(((?:\\.|[^\\()])*)\)", re.S)
ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def of_docx(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [archive.read(name) for name in archive.namelist() if name.endswith((".xml", ".rels"))]
    return "\n".join(re.sub(rb"<[^>]+>", b"", part).decode("utf-8", "replace") for part in parts)


def of_pdf(content: bytes) -> str:
    """The glyphs of every page, read with the table of every font in it: one of the readings is the text."""
    streams = [_unpacked(packed) for packed in STREAM.findall(content)]
    tables = [_table(each) for each in streams if b"beginbfchar" in each]
    pages = [_glyphs(each) for each in streams if b"TJ" in each or b"Tj" in each]
    assert tables and pages, "no text in the PDF"
    return "\n".join("".join(table.get(glyph, "") for glyph in page) for page in pages for table in tables)


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return packed


def _table(stream: bytes) -> dict[bytes, str]:
    return {
        bytes.fromhex(a.decode()): bytes.fromhex(b.decode()).decode("utf-16-be", "replace")
        for a, b in SINGLE.findall(stream)
    }


def _glyphs(stream: bytes) -> list[bytes]:
    found: list[bytes] = []
    for coded, plain in STRING.findall(stream):
        text = (
            bytes.fromhex(coded.decode())
            if coded
            else re.sub(
                rb"\\([0-7]{1,3}|.)",
                lambda sign: bytes([int(sign[1], 8)]) if sign[1].isdigit() else ESCAPED.get(sign[1], sign[1]),
                plain,
                flags=re.S,
            )
        )
        found += [text[at:after] for at, after in pairwise(range(0, len(text) + 1, 2))]
    return found
