"""Deleting a person reaches the published files: editions made of data that held the person are destroyed, not masked.

An open edition has no identity number to search by, so every edition of such a snapshot goes; the next one is made of
the data without the person.
"""

from django.db import transaction
from django.db.models import Max, Sum

from yiwang.data.opendata.models import Edition, Row, Stop, Use
from yiwang.data.opendata.services import subscribing
from yiwang.data.opendata.terms import Door
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.files import services as files
from yiwang.kernel.lake.erasing import Copy, Report, Subject, Trace
from yiwang.kernel.ledger import services as ledger

PLACE = "开放数据文件"


def _of(subject: Subject) -> list[Edition]:
    found = Edition.objects.filter(dataset__resource_id__in=subject.resources).select_related("dataset").order_by("pk")
    return [each for each in found if subject.may_be_in(each.dataset.resource_id, each.snapshot)]


def _trace(edition: Edition, action: str = "") -> Trace:
    digest = next((file.sha256 for file in edition.files.all()), "")
    return Trace(str(edition), 0, action, digest)


def search(subject: Subject) -> Report:
    held = [each for each in _of(subject) if not Stop.objects.filter(edition=each).exists()]
    return Report(len(held), [_trace(each) for each in held])


def erase(actor: Actor, subject: Subject, reason: str) -> Report:
    """One edition a transaction; the worker publishes the next edition by itself."""
    held = [each for each in _of(subject) if not Stop.objects.filter(edition=each).exists()]
    for each in held:
        with transaction.atomic():
            taken = Use.objects.filter(dataset=each.dataset, door__in=(Door.DOWNLOAD, Door.API)).aggregate(
                n=Sum("times")
            )
            Stop.objects.create(edition=each, reason=reason[:300], downloads=taken["n"] or 0)
            Row.objects.filter(edition=each).delete()
            for file in each.files.select_related("file"):
                files.erase(actor, file.file_id, reason)
            subscribing.announce(
                actor, each.dataset, f"第 {each.number} 期因依法删除个人信息已停止提供，请停用并删除已下载的文件，改用最新一期。",
                f"stop:{each.pk}",
            )  # fmt: skip
            ledger.record(
                actor, "opendata.stop", ("opendata.dataset", each.dataset_id), organisation_id=each.dataset.organisation_id,
                reason=reason, after={"edition": each.number, "snapshot": each.snapshot},
            )  # fmt: skip
    return Report(
        len(held), [_trace(each, "各格式文件与可查询的行已销毁，数据集页面公告停用，已通知订阅者") for each in held]
    )


def handed_out(subject: Subject) -> list[Copy]:
    """Who downloaded is not recorded, so nobody can be told one by one; the page says it to everybody."""
    found = []
    editions = _of(subject)
    for dataset in {each.dataset_id: each.dataset for each in editions}.values():
        taken = Use.objects.filter(dataset=dataset, door__in=(Door.DOWNLOAD, Door.API)).aggregate(
            times=Sum("times"), last=Max("day")
        )
        if not taken["times"]:
            continue
        numbers = "、".join(str(each.number) for each in editions if each.dataset_id == dataset.pk)
        stops = Stop.objects.filter(edition__dataset=dataset).order_by("-pk")
        said = f"第 {numbers} 期已停止提供并在数据集页面公告" if stops.exists() else ""
        last = max(each.published_at for each in editions if each.dataset_id == dataset.pk)
        found.append(Copy(dataset.resource_id, None, "数据开放", f"“{dataset.title}”第 {numbers} 期，下载与查询 {taken['times']} 次",
                          last, 0, said))  # fmt: skip
    return found


def nothing(subject: Subject) -> None:
    """What was downloaded can't be taken back."""
