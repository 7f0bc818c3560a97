"""附件：诉求人交来的、承办单位答复带的；举报件的材料承办单位打不开。"""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.intake import LARGEST_FILE, MOST_FILES
from yiwang.city.hotline.tests.world import World
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.queries import content
from yiwang.kernel.ledger.models import Entry

NAME, PHONE = "钱多多", "13812345678"
PICTURE = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
FORM = {
    "kind": "complaint",
    "title": "路灯不亮",
    "content": "解放路路灯不亮",
    "phone": PHONE,
    "name": NAME,
    "key": "k1",
}


def picture(name: str = "现场.png", body: bytes = PICTURE) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, body)


def desk(world: World, *files: SimpleUploadedFile, **given: str) -> Request:
    answer = world.client("operator").post("/hotline/desk/", {**FORM, **given, "file": list(files), "then": "submit"})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return Request.objects.get()


def test_网上和话务台都能带附件_承办单位能下载(world: World) -> None:
    answer = Client().post(
        "/public/hotline/", {**FORM, "file": [picture(), picture("录音.wav", b"RIFF\x00\x00\x00\x00WAVE")]}
    )
    assert answer.status_code == 302 and "new=1" in answer["Location"]
    again = Client().post("/public/hotline/", {**FORM, "file": [picture()]})
    assert again["Location"] == answer["Location"] and StoredFile.objects.count() == 2
    request = world.dispatch(Request.objects.get())
    browser = world.client("housing.handler")
    page = browser.get(f"/cases/{request.case_id}/").content.decode()
    for file in StoredFile.objects.all():
        assert f"/files/{file.pk}/" in page and file.name in page
        assert browser.get(f"/files/{file.pk}/").status_code == 200
    for other in ("sub1.handler", "ecology.head"):
        assert world.client(other).get(f"/files/{file.pk}/").status_code == 404
    assert Client().get(f"/files/{file.pk}/").status_code == 302


@pytest.mark.parametrize("given", [{"kind": "report"}, {"confidential": "on"}])
def test_举报与保密件的材料_承办单位看不到名称打不开_落盘加密(world: World, given: dict[str, str]) -> None:
    request = world.dispatch(desk(world, picture(f"{NAME}的身份证{PHONE}.png"), **given))
    file = StoredFile.objects.get()
    assert file.sealed and NAME not in file.name and PHONE not in file.name
    for who in ("housing.handler", "housing.head", "urban.handler"):
        browser = world.client(who)
        assert file.name not in browser.get(f"/cases/{request.case_id}/").content.decode()
        assert browser.get(f"/files/{file.pk}/").status_code == 404
    assert "按规定保密" in world.client("housing.handler").get(f"/cases/{request.case_id}/").content.decode()
    answer = world.client("operator").get(f"/files/{file.pk}/")
    assert b"".join(answer.streaming_content) == PICTURE
    for entry in Entry.objects.all():
        assert NAME not in f"{entry.before}{entry.after}" and PHONE not in f"{entry.before}{entry.after}"


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ([picture("病毒.exe", b"MZ\x00")], "可执行程序"),
        ([picture("空.png", b"")], "空文件"),
        ([picture("大.png", PICTURE + b"\x00" * LARGEST_FILE)], "10 MB 的上限"),
        ([picture(f"{each}.png") for each in range(MOST_FILES + 1)], f"至多 {MOST_FILES} 个"),
        ([picture(), picture("假.png", b"<html></html>")], "与扩展名"),
    ],
)
def test_不合格的附件_整件不登记_说明原因(world: World, files: list[SimpleUploadedFile], word: str) -> None:
    for browser, address in ((Client(), "/public/hotline/"), (world.client("operator"), "/hotline/desk/")):
        for each in files:
            each.seek(0)
        answer = browser.post(address, {**FORM, "file": files, "then": "submit"})
        page = answer.content.decode()
        assert answer.status_code == 422 and word in page and "解放路路灯不亮" in page
    assert not Request.objects.exists() and not StoredFile.objects.exists()


def test_承办员答复带现场照片_审核人看得到(world: World) -> None:
    request = world.dispatch(world.request())
    world.act("housing.handler", request, "sign")
    browser, address = world.client("housing.handler"), f"/cases/{request.case_id}/action/answer/"
    assert 'type="file"' in browser.get(address).content.decode()
    sent = {"reply": "经现场核查属实，已于当日修复。", "materials": [picture("修复后.png")], "key": "a1"}
    assert browser.post(address, sent).status_code == 302
    file = StoredFile.objects.get()
    assert (file.owner_kind, file.kind) == ("case", "materials") and content(file).read() == PICTURE
    head = world.client("housing.head")
    assert "修复后.png" in head.get(f"/cases/{request.case_id}/").content.decode()
    assert head.get(f"/files/{file.pk}/").status_code == 200
    assert world.client("sub1.head").get(f"/files/{file.pk}/").status_code == 404


def test_拆出各件看得到原件的材料(world: World) -> None:
    request = desk(world, picture())
    parts = {"opinion": "两件事", "key": "s1"}
    for number, title in ((1, "路灯不亮"), (2, "井盖缺失")):
        parts |= {f"title_{number}": title, f"content_{number}": title, f"matter_{number}": "CJ0203"}
    assert world.client("dispatcher").post(f"/hotline/requests/{request.pk}/split/", parts).status_code == 302
    part, file = request.parts.first(), StoredFile.objects.get()
    browser = world.client("housing.handler")
    assert f"/files/{file.pk}/" in browser.get(f"/cases/{part.case_id}/").content.decode()
    assert browser.get(f"/files/{file.pk}/").status_code == 200
