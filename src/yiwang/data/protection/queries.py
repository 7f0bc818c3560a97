"""读取：规则与记录，按操作人范围。"""

import json
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.protection.models import MaskRule, Notice, PersonRequest, Removal
from yiwang.data.protection.terms import TELLING
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid, Refused
from yiwang.kernel.calendar.fields import written
from yiwang.kernel.crypto import keys, mac_matches
from yiwang.kernel.lake import erasing, proofs
from yiwang.kernel.lake.erasing import Subject
from yiwang.kernel.lake.models import Proof
from yiwang.kernel.ui.sections import Fact, Section

REMOVAL = keys.lasting("protection.removal")
# Signs of a stated purpose: “核对” says nothing.
SHORTEST = 6
RULE = "个人信息保护法第六条、第二十八条：目的明确、必要"


def purpose_of(given: str) -> str:
    """The purpose for which somebody asks to see plain values. Raises Invalid when it says nothing."""
    if len(given.strip()) < SHORTEST:
        sentence = f"用途至少写 {SHORTEST} 个字：为办理哪件事、需要核对什么。没有显示明文。"
        raise Invalid(sentence, errors={"purpose": [sentence]}, rule=RULE)
    return given.strip()[:300]


def methods(recipient: str, on: date) -> dict[str, str]:
    """SensitiveKind → method in force for a recipient."""
    rules = MaskRule.objects.filter(
        Q(valid_until=None) | Q(valid_until__gte=on), recipient=recipient, valid_from__lte=on
    )
    return {rule.kind: rule.method for rule in rules.order_by("valid_from")}


def may_decide(actor: Actor, scan_id: int) -> bool:
    return doors.rows(actor, "protection.scan", "decide").filter(pk=scan_id).exists()


def scanned(actor: Actor, resource_id: int) -> Section | None:
    """On the catalogue's page of a resource: what was found in it last, and the way to look again."""
    if not doors.rows(actor, "protection.scan").exists() and not actor.can("protection.scan", "add"):
        return None
    last = doors.rows(actor, "protection.scan").filter(resource_id=resource_id).order_by("-pk").first()
    facts = [
        Fact(
            "最近识别",
            f"{timezone.localtime(last.created_at):%Y-%m-%d}，{last.get_state_display()}",
            f"/protection/scans/{last.pk}/",
        )
        if last
        else Fact("最近识别", "还没有识别过；未定级的信息项按 4 级对待，不会共享和开放")
    ]
    if actor.can("protection.scan", "add"):
        code = catalog.resource(actor, resource_id).code
        facts.append(
            Fact(
                "识别敏感数据", "按名称和抽样值找出敏感信息项、提出分级，由人确认", f"/protection/scans/start/?q={code}"
            )
        )
    return Section("敏感数据", tuple(facts))


def may_handle(actor: Actor, request_id: int) -> bool:
    return doors.rows(actor, "protection.request", "handle").filter(pk=request_id).exists()


def tracked(code: str) -> PersonRequest:
    found = PersonRequest.objects.filter(tracking_code=code.replace("\0", "").strip().upper()).first()
    if found is None:
        raise Refused("没有找到这个查询码。请核对回执上的 12 位查询码。", code="absent")
    return found


def left(found: PersonRequest) -> bool:
    """Whether packages or files still held the person when they were searched last, and were not dealt with since."""
    done = set(found.removals.values_list("place", "reference"))
    held = found.places.exclude(reference="").values_list("place", "reference")
    return any(place not in done for place in held)


def dumped(keys: list[list[Any]]) -> str:
    return json.dumps(keys, ensure_ascii=False)


def loaded(text: str) -> list[list[Any]]:
    found: list[list[Any]] = json.loads(text) if text else []
    return found


def reach(found: PersonRequest) -> dict[int, int | None]:
    """The resources in whose tables the person was found, each with its first snapshot without the person.

    Copies are made of a resource's own table: what a library made of it holds tells nothing of their snapshots.
    """
    own = {facts.table: facts.id for facts in catalog.resources(SYSTEM)}
    done = {each.table: each.proof.snapshot for each in found.deletions.select_related("proof__snapshot")}
    made: dict[int, int | None] = {}
    for each in found.holdings.all():
        made.setdefault(each.resource_id, None)
        if own.get(each.table) == each.resource_id and each.table in done:
            clean = done[each.table]
            made[each.resource_id] = clean.number if clean is not None else each.snapshot
    return made


OUTCOMES = {"deleted": "已删除", "absent": "没有留存", "kept": "依法保存，停止其他处理"}
BACKUPS = (
    "此前做的备份仍含这些数据：按单位的备份保留制度销毁，其间只存储、不作他用（个人信息保护法第四十七条第二款）。"
    "用 {at:%Y-%m-%d %H:%M} 以前的备份恢复，会连同本次删除一起退回；平台记有本次删除，恢复后先重新删除再提供服务。"
)


def _receipt(notice: Notice | None) -> str:
    if notice is None:
        return "向社会开放的，没有记录下载人，无法逐一通知"
    if notice.answered_at is None:
        due = f"，回执期限 {written(notice.due_at)}" if notice.due_at else ""
        return f"{timezone.localtime(notice.created_at):%Y-%m-%d} 已发删除通知 {notice.case.number}{due}，未回执"
    return (
        f"{timezone.localtime(notice.answered_at):%Y-%m-%d} 回执（{notice.case.number}）："
        f"{OUTCOMES.get(notice.outcome, notice.outcome)}。{notice.receipt}"
    )


def _handed_out(found: PersonRequest) -> Section | None:
    """What had left the house, whom it was told, what they answered; what the platform took back is read again."""
    copies = list(found.copies.select_related("notice__organisation", "notice__case"))
    if not copies:
        return None
    recalled = {copy.reference: copy.recalled for copy in erasing.handed_out(Subject((), reach(found)))}
    facts = []
    for each in copies:
        who = str(each.notice.organisation) if each.notice else "社会公众"
        rows = f"，{each.rows} 行" if each.rows else ""
        said = [f"{each.reference}{rows}，最近一次 {timezone.localtime(each.last_at):%Y-%m-%d}",
                recalled.get(each.reference, ""), _receipt(each.notice)]  # fmt: skip
        facts.append(Fact(f"{who}：{each.resource_name}（{each.way}）", "；".join(filter(None, said)), wide=True))
    return Section("已经交出去的", tuple(facts))


def notice_sections(actor: Actor, notice: Notice) -> list[Section]:
    """What a department that was told must know; whom it is about, only on the page that records who looked."""
    facts = [
        Fact("依据", TELLING, wide=True),
        Fact("要求", "停止使用并删除该人在下列各份中的数据，连同转存、转出的；在期限内回执。", wide=True),
        Fact("要删除的人", "加密保存；用“查看要删除的人”调阅并留痕", wide=True),
    ]
    facts += [
        Fact(
            f"{each.resource_name}（{each.way}）",
            f"{each.reference}{f'，{each.rows} 行' if each.rows else ''}",
            wide=True,
        )
        for each in notice.copies.all()
    ]
    return [Section("删除通知", tuple(facts))]


def _removed(each: Removal) -> Fact:
    state = "校验码相符" if mac_matches(each.sealed, each.mac, REMOVAL) else "校验码不符，记录可能被改动"
    digests = f"；摘要 {each.before[:12]}… → {each.after[:12] or '无'}" if each.before else ""
    return Fact(f"{each.place} {each.reference}", f"{each.action}（{each.rows} 行{digests}）；{state}", wide=True)


def sections(actor: Actor, found: PersonRequest) -> list[Section]:
    """What the case page shows: no name and no number; proofs are read again as the page is opened."""
    facts = [
        Fact("请求事项", found.get_kind_display()), Fact("时限依据", found.basis, wide=True),
        Fact("身份核验", f"已核验：{found.verified_how}" if found.verified else "未核验"),
        Fact("本人信息", "加密保存；在“个人信息请求”台账用“查看请求人”调阅并留痕", wide=True),
    ]  # fmt: skip
    held = [Fact(each.resource_name, f"{each.rows} 行（第 {each.snapshot} 号快照）") for each in found.holdings.all()]
    gone = []
    for each in found.deletions.select_related("proof"):
        wrong = proofs.problems(Proof.objects.select_related("table").get(pk=each.proof_id))
        state = "；".join(wrong) if wrong else "证明核对无误"
        gone.append(Fact(each.resource_name, f"证明 {each.proof_id}：{each.snapshots} 个快照，{state}", wide=True))
    gone += [_removed(each) for each in found.removals.all()]
    held += [
        Fact(each.place, f"{each.reference}：{each.rows} 行" if each.rows else f"{each.reference}：整份")
        for each in found.places.exclude(reference="")
    ]
    looked = [Fact(each.place, f"查了 {each.searched} 份") for each in found.places.filter(reference="")]
    made = [Section("个人信息请求", tuple(facts))]
    if looked:
        made.append(Section("查找范围", (Fact("湖表", "标为证件号码的列，所有保留的快照"), *looked)))
    if held:
        made.append(Section("查到的本人数据", tuple(held)))
    if gone:
        made.append(Section("删除证明", tuple(gone)))
    if (handed := _handed_out(found)) is not None:
        made.append(handed)
    last = found.deletions.order_by("-at").first()
    if last is not None:
        said = BACKUPS.format(at=timezone.localtime(last.at))
        made.append(Section("平台删不到的", (Fact("备份", said, wide=True),)))
    return made


catalog.add_panel("protection", scanned)
