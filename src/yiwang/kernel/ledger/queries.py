"""Reading the ledger, and proving that nobody touched it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from yiwang.kernel.crypto import mac_matches
from yiwang.kernel.ledger import anchors, canon
from yiwang.kernel.ledger.models import DailyBill, Entry, Link

CHUNK = 2000
SEALED_WITHIN = timedelta(days=2)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Problem:
    """What is wrong, where: kind is changed, removed, inserted, chain, bill or anchor."""

    kind: str
    text: str
    entry_id: int | None = None
    position: int | None = None


def history(target: tuple[str, int | str]) -> QuerySet[Entry]:
    """Everything done to one thing, newest first."""
    return Entry.objects.filter(target_kind=target[0], target_id=str(target[1]))


def search(
    *,
    text: str = "",
    person_id: int | None = None,
    action: str = "",
    target_kind: str = "",
    organisation_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Entry]:
    """For the audit administrator; the page that calls has checked the right. `until` is exclusive."""
    condition = Q()
    if text:
        condition &= Q(person_name__icontains=text) | Q(reason__icontains=text) | Q(target_id=text)
    if action:
        condition &= Q(action__startswith=action)
    exact = {"person_id": person_id, "target_kind": target_kind, "organisation_id": organisation_id}
    bounds = {"recorded_at__gte": since, "recorded_at__lt": until}
    given = {name: value for name, value in (exact | bounds).items() if value not in (None, "")}
    return Entry.objects.filter(condition, **given)


def verify(progress: Progress | None = None) -> list[Problem]:
    """Every row that was changed, removed or inserted behind the platform's back. Nothing is written."""
    return [*_chain(progress), *_unsealed(), *_bills(), *_anchors()]


def _chain(progress: Progress | None) -> Iterator[Problem]:
    total = Link.objects.count()
    position, digest, seen = 0, canon.GENESIS, 0
    while links := list(Link.objects.filter(position__gt=position).order_by("position")[:CHUNK]):
        entries = Entry.objects.in_bulk([link.entry_id for link in links])
        for link in links:
            if link.position != position + 1:
                yield Problem("chain", f"链节 {position + 1}–{link.position - 1} 缺失", position=position + 1)
            elif link.digest != canon.link_digest(digest, link.position, link.entry_id, link.entry_mac):
                yield Problem(
                    "chain", f"链节 {link.position} 被改动（记录 {link.entry_id}）", link.entry_id, link.position
                )
            yield from _entry(link, entries.get(link.entry_id))
            position, digest = link.position, link.digest
        seen += len(links)
        if progress:
            progress(seen, total)


def _entry(link: Link, entry: Entry | None) -> Iterator[Problem]:
    if entry is None:
        yield Problem("removed", f"记录 {link.entry_id} 被删除（链节 {link.position}）", link.entry_id, link.position)
    elif entry.mac != link.entry_mac or not mac_matches(canon.entry_bytes(entry), entry.mac, canon.ENTRY):
        at = timezone.localtime(entry.recorded_at).strftime("%Y-%m-%d %H:%M")
        text = f"记录 {entry.pk} 被改动：{at} {entry.person_name} {entry.action} {entry.target_kind}#{entry.target_id}"
        yield Problem("changed", text, entry.pk, link.position)


def _unsealed() -> Iterator[Problem]:
    """Rows outside of the chain: fresh ones are fine, others were slipped in or changed before they were sealed."""
    late = timezone.now() - SEALED_WITHIN
    loose = Entry.objects.filter(~Exists(Link.objects.filter(entry_id=OuterRef("pk")))).order_by("id")
    for entry in loose.iterator(chunk_size=CHUNK):
        if not mac_matches(canon.entry_bytes(entry), entry.mac, canon.ENTRY):
            yield Problem("inserted", f"记录 {entry.pk} 无有效校验码：系被插入，或在封链前被改动", entry.pk)
        elif entry.recorded_at < late:
            yield Problem(
                "chain", f"记录 {entry.pk} 已超过 {SEALED_WITHIN.days} 日未封链；请检查后台任务进程", entry.pk
            )


def _bills() -> Iterator[Problem]:
    expected, digests = 1, dict[int, str]()
    bills = list(DailyBill.objects.order_by("day"))
    ends = Link.objects.filter(position__in=[bill.last_position for bill in bills])
    digests.update(ends.values_list("position", "digest"))
    for bill in bills:
        if not mac_matches(canon.bill_bytes(bill), bill.mac, canon.BILL):
            yield Problem("bill", f"{bill.day} 日封账被改动或伪造")
        if bill.first_position != expected:
            yield Problem("bill", f"{bill.day} 日封账之前缺少封账（链节 {expected}–{bill.first_position - 1}）")
        if digests.get(bill.last_position) != bill.digest:
            yield Problem("bill", f"{bill.day} 日封账与链不符：第 {bill.last_position} 节缺失或已变")
        expected = bill.last_position + 1


def _anchors() -> Iterator[Problem]:
    for path, anchor in anchors.kept():
        if anchor is None:
            yield Problem("anchor", f"库外链尾 {path.name} 被改动，或由别的密钥所写")
        elif not anchors.holds(anchor):
            text = f"库外链尾记有第 {anchor.position} 节，库中没有：审计账尾部或全部被删，或数据库被换成较早的备份"
            yield Problem("anchor", f"{text}（有意恢复的，用 --accept-database 确认）", position=anchor.position)
