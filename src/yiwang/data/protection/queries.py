"""读取：规则与记录，按操作人范围。"""

import json
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.protection.models import MaskRule, PersonRequest, Removal
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.crypto import mac_matches
from yiwang.kernel.lake import proofs
from yiwang.kernel.lake.models import Proof
from yiwang.kernel.ui.sections import Fact, Section

REMOVAL = "protection.removal"


def methods(recipient: str, on: date) -> dict[str, str]:
    """Kind → method in force for a recipient."""
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
    return [*made, Section("删除证明", tuple(gone))] if gone else made


catalog.add_panel("protection", scanned)
