"""训练排成后台任务：数据先验后排，进度可见；训练数据加密存放，用完即销毁。"""

import csv
import io

from django.db import transaction

from yiwang.city.hotline import queries
from yiwang.city.hotline.services import triage
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.files import queries as files
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.services import erase, store
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue, progress
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of

OWNER, LARGEST = "hotline.training", 50 << 20
Labelled = tuple[list[str], list[str], list[int] | None]


def labelled(content: bytes) -> Labelled:
    """Texts, labels and, where given, groups of near duplicates."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="strict")
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows or not {"text", "label"} <= set(rows[0]):
        raise Invalid("文件须有 text 和 label 两列。请检查表头。", errors={"file": ["缺少 text 或 label 列"]})
    kept = [row for row in rows if (row["text"] or "").strip() and (row["label"] or "").strip()]
    groups = [int(row["group"]) for row in kept] if "group" in rows[0] else None
    return [row["text"] for row in kept], [row["label"].strip() for row in kept], groups


@transaction.atomic
def start(actor: Actor, content: bytes | None = None) -> Job:
    """Queue a training from a file, or without one from the requests that a person has decided. One at a time."""
    texts, labels = labelled(content)[:2] if content is not None else queries.decided_texts(actor)
    triage.enough(actor, texts, labels)
    running = queries.last_training()
    if running is not None and running.state not in (Job.State.DONE, Job.State.FAILED):
        raise Conflict("已有训练在进行，本次未开始。请等它结束后再训练。")
    file = None
    if content is not None:
        owner = (OWNER, actor.person_id or 0)
        file = store(actor, "训练数据.csv", content, owner=owner, limit=LARGEST, sealing=True).pk
    made = enqueue(train_job, key="one", owner=actor.person_id, account_id=actor.account_id, file_id=file)
    if made.arguments["file_id"] != file:
        raise Conflict("已有训练在进行，本次未开始。请等它结束后再训练。")
    return made


@job(queries.TRAINING, title="训练分类模型", retries=1)
def train_job(*, job_id: int, account_id: int, file_id: int | None) -> Outcome:
    """Runs with the permissions the account has when it runs; the texts are destroyed when they have served."""
    actor = actor_of(Account.objects.select_related("person").get(pk=account_id))
    given: Labelled
    if file_id is None:
        given = (*queries.decided_texts(actor), None)
    else:
        with files.content(StoredFile.objects.get(pk=file_id)) as stream:
            given = labelled(stream.read())
    try:
        model = triage.train(actor, *given, tell=lambda done, steps, what: progress(job_id, done, steps, what))
    except Refused:
        _destroy(actor, file_id)
        raise
    _destroy(actor, file_id)
    figures = (
        ("总体准确率", "accuracy"),
        ("宏平均 F1", "macro_f1"),
        ("自动采纳比例", "coverage"),
        ("采纳准确率", "precision"),
    )
    said = "，".join(f"{name} {model.metrics[code]:.1%}" for name, code in figures)
    return Outcome(f"版本 {model} 已启用：{model.trained_rows:,} 条，{said}。")


def _destroy(actor: Actor, file_id: int | None) -> None:
    if file_id is not None:
        erase(actor, file_id, "训练已结束，训练数据销毁")
