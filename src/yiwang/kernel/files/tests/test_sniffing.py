"""What is accepted, what is refused and in which words."""

import io
import unicodedata
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.files import sniffing
from yiwang.kernel.files.tests import samples
from yiwang.kernel.files.tests.samples import archive, ole


def identify(name: str, content: bytes) -> sniffing.Type:
    return sniffing.identify(io.BytesIO(content), name)


@pytest.mark.parametrize(
    ("name", "content", "media"),
    [
        ("批复.pdf", samples.PDF, "application/pdf"),
        ("照片.PNG", samples.PNG, "image/png"),
        ("照片.jpeg", b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg"),
        ("图.bmp", b"BM\x46\x00\x00\x00\x00\x00\x00\x00" + bytes(40), "image/bmp"),
        ("图.webp", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("录音.wav", b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        ("录像.mp4", b"\x00\x00\x00\x18ftypisom" + bytes(20), "video/mp4"),
        ("录音.mp3", b"ID3\x03" + bytes(20), "audio/mpeg"),
        ("通知.docx", samples.DOCX, sniffing.WORD.media),
        ("名单.xlsx", samples.XLSX, sniffing.SHEET.media),
        ("公文.ofd", samples.OFD, "application/ofd"),
        ("老.doc", samples.DOC, sniffing.OLE.media),
        ("老.wps", samples.DOC, sniffing.OLE.media),
        ("表.et", ole(names=("Workbook",)), sniffing.OLE.media),
        ("稿.odt", archive({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<a/>"}), sniffing.ODF.media),
        ("包.zip", archive({"甲/乙.txt": "好".encode()}), "application/zip"),
        ("说明.txt", "诉求办理说明".encode(), "text/plain"),
        ("说明.txt", "诉求办理说明".encode("gb18030"), "text/plain"),
        ("说明.txt", "诉求办理说明".encode("utf-16"), "text/plain"),
        ("数据.csv", "编号,名称\r\n1,甲\r\n".encode("utf-8-sig"), "text/plain"),
        ("BM开头.txt", b"BMW cars and so on", "text/plain"),
        ("数据.json", b'{"a": 1}', "text/plain"),
        ("长.txt", "柳".encode() * 400_000, "text/plain"),
    ],
)  # fmt: skip
def test_接受的类型按内容识别(name, content, media):
    assert identify(name, content).media == media


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("甲.pdf", b"MZ\x90\x00" + bytes(100), "可执行程序"),
        ("甲.txt", b"\x7fELF\x02" + bytes(100), "可执行程序"),
        ("甲.txt", b"#!/bin/sh\nrm -rf /\n", "可执行程序"),
        ("甲.exe", b"MZ\x90\x00", "不接受“.exe”"),
        ("甲.html", b"<html></html>", "不接受“.html”"),
        ("甲.svg", b"<svg/>", "不接受“.svg”"),
        ("甲.docm", samples.DOCX, "不接受“.docm”"),
        ("甲.pdf.lnk", samples.PDF, "不接受“.lnk”"),
        ("甲.docx", archive({"[Content_Types].xml": b"", "word/vbaProject.bin": b"x"}), "宏"),
        ("甲.xlsx", archive({"[Content_Types].xml": b"", "xl/VBAPROJECT.BIN": b"x"}), "宏"),
        ("甲.doc", ole(names=("WordDocument", "_VBA_PROJECT")), "宏"),
        ("甲.docx", ole(names=("EncryptionInfo", "EncryptedPackage")), "打开密码"),
        ("甲.doc", ole(stream=b"\xec\xa5\xc1\x00" + bytes(6) + b"\x00\x01" + bytes(20)), "打开密码"),
        ("甲.xls", ole(stream=b"\x09\x08\x10\x00\x00\x06\x05\x00" + bytes(12) + b"\x2f\x00\x36\x00"), "打开密码"),
        ("甲.ppt", ole(names=("EncryptedSummary",)), "打开密码"),
        ("甲.pdf", samples.PNG, "内容是PNG 图片，与扩展名“.pdf”不符"),
        ("甲.png", samples.PDF, "与扩展名“.png”不符"),
        ("甲.docx", samples.XLSX, "与扩展名“.docx”不符"),
        ("甲.docx", archive({"甲.txt": b"x"}), "与扩展名"),
        ("甲", samples.PDF, "与扩展名“.”不符"),
        ("甲.png", samples.PNG + archive({"a.txt": b"x"}), "夹带"),
        ("甲.zip", archive({"a/setup.EXE": b"x"}), "“.exe”"),
        ("甲.zip", archive({"../../etc/cron": b"x"}), "越出"),
        ("甲.zip", b"PK\x03\x04" + bytes(200), "损坏"),
        ("甲.txt", b"\x00\x01\x02\x03" * 50, "未能识别"),
        ("甲.bin", bytes(range(256)), "未能识别"),
        ("甲.txt", b"", "空的"),
    ],
)
def test_拒绝的文件都说明原因(name, content, words):
    with pytest.raises(Invalid, match=words) as refusal:
        identify(name, content)
    assert refusal.value.rule == "附件安全规则"
    assert refusal.value.errors["file"]


def test_设密码的压缩包被拒绝():
    content = bytearray(archive({"甲.txt": b"secret"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    with pytest.raises(Invalid, match="设了密码"):
        identify("甲.zip", bytes(content))


def test_压缩炸弹被拒绝_按比例与总量与个数():
    bomb = archive({"0.txt": bytes(60 << 20)})
    assert len(bomb) < 100_000
    with pytest.raises(Invalid, match="压缩炸弹"):
        identify("甲.zip", bomb)
    with pytest.raises(Invalid, match="压缩炸弹"):
        identify("甲.zip", archive({f"{number}.txt": b"" for number in range(10_001)}))
    entry = zipfile.ZipInfo("a")
    entry.file_size, entry.compress_size = 2 << 30, 1 << 30
    with pytest.raises(Invalid, match="压缩炸弹"):
        sniffing._check_zip([entry])


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\用户\\批复（一）.pdf", "批复（一）.pdf"),
        ("报\u202efdp.exe", "报fdp.exe"),
        ("a\x00b\r\n.txt", "ab.txt"),
        ('甲<乙>:"|?*.pdf', "甲_乙______.pdf"),
        ("", "未命名"),
        ("...", "未命名"),
        ("长" * 300 + ".docx", "长" * 115 + ".docx"),
        ("e\u0301.txt", "é.txt"),
    ],
)
def test_文件名规整(name, normal):
    assert sniffing.normal_name(name) == normal


@given(st.text())
def test_任何名字规整后都可安全存用且再规整不变(name):
    normal = sniffing.normal_name(name)
    assert 0 < len(normal) <= 120
    assert not set(normal) & set('/\\<>:"|?*')
    assert all(unicodedata.category(char)[0] != "C" or unicodedata.category(char) in ("Cn", "Co") for char in normal)
    assert sniffing.normal_name(normal) == normal


@given(name=st.sampled_from(["甲.pdf", "甲.docx", "甲.doc", "甲.txt", "甲.png", "甲.zip"]), content=st.binary(max_size=3000),
       head=st.sampled_from([b"", b"%PDF-", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x89PNG\r\n\x1a\n"]))  # fmt: skip
def test_任何内容要么有类型要么以文字拒绝(name, content, head):
    try:
        found = identify(name, head + content)
    except Invalid as refusal:
        assert refusal.message
    else:
        assert sniffing.extension(name) in found.extensions
