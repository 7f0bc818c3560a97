import time

import pytest

from yiwang.kernel.search.nonanswers import is_empty_reply
from yiwang.kernel.search.tests import shared


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("", "blank"),
        ("2026年3月1日", "blank"),
        ("已收悉", "received"),
        ("网友:您好!留言已收悉", "received"),
        ("您好,您反映的问题已转交相关部门调查处理。", "forwarded"),
        ("您的来信已收悉。关于您反映的问题,已转市水务局核实、办理,感谢您的支持!", "forwarded"),
        ("您反映的问题正在调查处理中,如有情况将及时回复。", "promise"),
        ("尊敬的网友:您好!感谢您的留言。", "courtesy"),
    ],
)
def test_空话识别出来并说明理由(reply: str, kind: str):
    evidence = is_empty_reply(reply)
    assert evidence is not None and evidence.kind == kind and evidence.reason
    assert all(found for _, found in evidence.clauses)


@pytest.mark.parametrize(
    "reply",
    [
        "您好,您的来信已收悉。经查,路灯已于3月2日修复。",
        "您反映的问题已转市水务局,水管已修好。",
        "您反映的问题已移交区法院强制执行。",
        "您的留言已收悉,请补充小区名称和联系电话,以便处理。",
        "不符合条件。",
        "该路段由区城管局负责,请拨打区城管局值班电话咨询。",
        "网友您好:您反映的问题已收悉并督促施工单位停止夜间施工。",
        "关于您反映的问题,目前国家没有相关政策。",
    ],
)
def test_有内容的一句也不冤枉(reply: str):
    assert is_empty_reply(reply) is None


@pytest.mark.parametrize(
    "piece", ["网友", "已", "转交", "相关", "您反映的问题", "处理", "关于", "如有情况", "、并", "感谢"]
)
def test_刁钻输入不拖慢(piece: str):
    start = time.process_time()
    for size in (30, 60, 119):
        is_empty_reply((piece * 119)[:size])
    assert time.process_time() - start < 0.5


@pytest.mark.shared_data
def test_真实答复():
    replies = [row["答复意见"] for row in shared.sheet("replies.xlsx")]
    found = {i for i, reply in enumerate(replies) if is_empty_reply(reply)}
    bare = {
        i
        for i, reply in enumerate(replies)
        if "".join(reply.split()) in ("网友:您好!留言已收悉", "网友：您好！留言已收悉", "已收悉")
    }
    assert len(bare) >= 35 and bare <= found and len(found) >= 41
    # A reply that says what was found is no empty one.
    substance = ("经查", "经核实", "经调查", "整改", "已完成", "根据", "咨询电话")
    assert not [i for i in found if any(word in replies[i] for word in substance)]
    assert max(len("".join(replies[i].split())) for i in found) <= 150
