"""Small files of every sort, made here."""

import io
import zipfile


def archive(entries: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return buffer.getvalue()


def ole(*, names: tuple[str, ...] = (), stream: bytes = b"") -> bytes:
    """The outline of a compound file: header, a stream at the first sector, directory names."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    directory = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in ("Root Entry", *names))
    return header + stream.ljust(1024, b"\0") + directory


PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
DOCX = archive({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"})
XLSX = archive({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<w/>"})
OFD = archive({"OFD.xml": b"<ofd/>", "Doc_0/Document.xml": b"<d/>"})
DOC = ole(names=("WordDocument",), stream=b"\xec\xa5\xc1\x00" + bytes(28))
