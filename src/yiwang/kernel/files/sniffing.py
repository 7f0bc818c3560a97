"""What a file is, by its content. Anything that could run, hide or explode is refused in words."""

import re
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from yiwang.kernel.access.actors import Invalid

RULE = "附件安全规则"
ZIP_ENTRIES, ZIP_TOTAL, ZIP_RATIO, ZIP_FREE = 10_000, 1 << 30, 100, 50 << 20
TEXT_PROBE = 1 << 20


@dataclass(frozen=True)
class Type:
    media: str
    label: str
    extensions: frozenset[str]


def _type(media: str, label: str, extensions: str) -> Type:
    return Type(media, label, frozenset(extensions.split()))


_OOXML = "application/vnd.openxmlformats-officedocument."
PDF = _type("application/pdf", "PDF", "pdf")
WORD = _type(_OOXML + "wordprocessingml.document", "Word 文档", "docx dotx")
SHEET = _type(_OOXML + "spreadsheetml.sheet", "Excel 工作簿", "xlsx xltx")
SLIDES = _type(_OOXML + "presentationml.presentation", "PowerPoint 演示", "pptx ppsx potx")
OFD = _type("application/ofd", "OFD 版式文件", "ofd")
ODF = _type("application/vnd.oasis.opendocument", "ODF 文档", "odt ods odp")
ZIP = _type("application/zip", "ZIP 压缩包", "zip")
OLE = _type("application/x-ole-storage", "Office 97-2003／WPS 文档", "doc xls ppt wps et dps dot xlt pps")
TEXT = _type("text/plain", "文本", "txt csv tsv json xml md log geojson")
MAGIC: tuple[tuple[int, bytes, Type], ...] = (
    (0, b"%PDF-", PDF),
    (0, b"\x89PNG\r\n\x1a\n", _type("image/png", "PNG 图片", "png")),
    (0, b"\xff\xd8\xff", _type("image/jpeg", "JPEG 图片", "jpg jpeg jpe jfif")),
    (0, b"GIF87a", _type("image/gif", "GIF 图片", "gif")),
    (0, b"GIF89a", _type("image/gif", "GIF 图片", "gif")),
    (0, b"II*\x00", _type("image/tiff", "TIFF 图片", "tif tiff")),
    (0, b"MM\x00*", _type("image/tiff", "TIFF 图片", "tif tiff")),
    (8, b"WEBP", _type("image/webp", "WebP 图片", "webp")),
    (8, b"WAVE", _type("audio/wav", "录音", "wav")),
    (4, b"ftyp", _type("video/mp4", "音视频", "mp4 m4a mov m4v 3gp heic")),
    (0, b"ID3", _type("audio/mpeg", "录音", "mp3")),
    (0, b"\xff\xfb", _type("audio/mpeg", "录音", "mp3")),
    (0, b"\xff\xf3", _type("audio/mpeg", "录音", "mp3")),
    (0, b"#!AMR", _type("audio/amr", "录音", "amr")),
    (0, b"BM", _type("image/bmp", "BMP 图片", "bmp")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
)
PROGRAMS = (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"#!",
            b"L\x00\x00\x00\x01\x14\x02\x00", b"dex\n", b"\x00asm")  # fmt: skip
_PROGRAM_WORDS = (
    "exe dll com scr pif msi bat cmd ps1 vbs vbe js jse wsf wsh hta lnk jar apk sh app cpl reg scf url html htm xhtml "
    "svg mht chm iso img docm xlsm pptm dotm xltm ppam xlam"
)
PROGRAM_EXTENSIONS = frozenset(_PROGRAM_WORDS.split())


def refuse(message: str) -> Invalid:
    return Invalid(message, rule=RULE, errors={"file": [message]})


def extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def normal_name(name: str) -> str:
    """The last path part without control, direction or reserved characters, at most 120 characters, extension kept."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    plain = "".join(char for char in last if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    plain = re.sub(r'[<>:"|?*]', "_", plain).strip(" .")
    stem, dot, end = plain.rpartition(".")
    if dot and stem and len(end) <= 10:
        return f"{stem[: 119 - len(end)].rstrip(' .') or '未命名'}.{end}"
    return plain[:120] or "未命名"


def identify(stream: BinaryIO, name: str) -> Type:
    """The type by content, agreeing with the name's extension; raises Invalid with the reason otherwise."""
    end = extension(name)
    if end in PROGRAM_EXTENSIONS:
        raise refuse(
            f"不接受“.{end}”文件：可执行程序、网页、脚本和带宏文档不能作为附件。请另存为 PDF、OFD 或不带宏的格式。"
        )
    stream.seek(0)
    head = stream.read(4096)
    if not head:
        raise refuse("文件是空的，未保存。请核对后重新上传。")
    found = _by_magic(stream, head)
    if end not in found.extensions:
        allowed = "、".join(sorted(found.extensions))
        raise refuse(f"文件内容是{found.label}，与扩展名“.{end}”不符，未保存。请改用真实扩展名（{allowed}）后上传。")
    return found


def _by_magic(stream: BinaryIO, head: bytes) -> Type:
    for offset, magic, found in MAGIC:
        if head.startswith(magic, offset) and _plausible(found, head):
            if found is OLE:
                _check_ole(stream)
            elif found is not PDF and zipfile.is_zipfile(stream):
                raise refuse("文件里夹带了压缩包，未保存。请只上传文件本身。")
            return found
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(stream)
    if any(head.startswith(magic) for magic in PROGRAMS):
        raise refuse("文件是可执行程序或脚本，不能作为附件。")
    if _is_text(stream):
        return TEXT
    raise refuse("未能识别文件类型，未保存。可上传 PDF、OFD、Office、WPS、图片、录音录像、文本或 ZIP。")


def _plausible(found: Type, head: bytes) -> bool:
    """Short magics need a second look: text may begin with BM, RIFF may hold anything."""
    if found.media == "image/bmp":
        return len(head) > 18 and head[6:10] == bytes(4)
    return found.media not in ("image/webp", "audio/wav") or head.startswith(b"RIFF")


def _is_text(stream: BinaryIO) -> bool:
    """UTF-8, GB 18030 or UTF-16 with its mark, without control characters."""
    stream.seek(0)
    probe = stream.read(TEXT_PROBE)
    encodings = ["utf-16"] if probe[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        for cut in range(4):
            try:
                text = probe[: len(probe) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
            return not re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text)
    return False


def _zip_type(stream: BinaryIO) -> Type:
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            _check_zip(entries)
            names = {entry.filename for entry in entries}
            kind = archive.read("mimetype")[:80] if "mimetype" in names else b""
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, ValueError, RuntimeError) as error:
        raise refuse("压缩结构已损坏或无法识别，未保存。请重新导出后上传。") from error
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise refuse("文档带有宏（VBA），可能含恶意代码，未保存。请另存为不带宏的格式后上传。")
    if "[Content_Types].xml" in names:
        for folder, found in (("word/", WORD), ("xl/", SHEET), ("ppt/", SLIDES)):
            if any(name.startswith(folder) for name in names):
                return found
    if "OFD.xml" in names:
        return OFD
    if kind.startswith(ODF.media.encode()):
        return ODF
    programs = sorted({extension(name) for name in names} & PROGRAM_EXTENSIONS)
    if programs:
        raise refuse(f"压缩包里有“.{programs[0]}”文件，可执行程序、网页和脚本不能作为附件。请去掉后重新打包。")
    return ZIP


def _check_zip(entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > ZIP_ENTRIES or total > ZIP_TOTAL or (total > ZIP_FREE and total > packed * ZIP_RATIO):
        raise refuse("压缩包展开后过大或文件过多（疑似压缩炸弹），未保存。请拆分后上传。")
    if any(entry.flag_bits & 1 for entry in entries):
        raise refuse("压缩包设了密码，无法查验内容，未保存。请去掉密码后上传。")
    if any(entry.filename.startswith("/") or ".." in re.split(r"[\\/]", entry.filename) for entry in entries):
        raise refuse("压缩包里的路径越出包外，未保存。请重新打包。")


def _check_ole(stream: BinaryIO) -> None:
    """Old Office and WPS files: macros, and passwords in their three old forms ([MS-OFFCRYPTO], FIB, FILEPASS)."""
    stream.seek(0)
    content = stream.read()
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise refuse("文档带有宏（VBA），可能含恶意代码，未保存。请另存为不带宏的格式后上传。")
    locked = any(word.encode("utf-16-le") in content for word in ("EncryptedPackage", "EncryptedSummary"))
    for start in range(512, len(content) - 32, 512):
        word = content.startswith(b"\xec\xa5\xc1\x00", start) and bool(content[start + 0x0B] & 0x01)
        sheet = content.startswith(b"\x09\x08\x10\x00\x00\x06\x05\x00", start) and content.startswith(
            b"/\x00", start + 20
        )
        locked = locked or word or sheet
    if locked:
        raise refuse("文档设了打开密码，无法查验内容，未保存。请去掉密码后上传。")
