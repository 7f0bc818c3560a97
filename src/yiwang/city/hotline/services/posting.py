"""数据接口登记：与话务台同一套校验与保密，凭令牌账号的登记权限，同一标识只登记一次。"""

from typing import Any

from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.intake import Intake, register_for_matter, register_request
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.flow.definitions import Field

FIELDS = (
    Field("kind", "诉求类别", "choice", required=True, choices=tuple(Kind.choices)),
    Field("title", "诉求标题", required=True),
    Field("content", "诉求内容", "long_text", required=True),
    Field("received_at", "受理时间", "datetime", help="不填为现在"),
    Field("name", "称呼"),
    Field("phone", "电话"),
    Field("external_user", "外部用户"),
    Field("wants_callback", "需要回访", "boolean"),
    Field("confidential", "要求保密", "boolean"),
    Field("public", "同意公开", "boolean"),
    Field("address", "地址"),
    Field("matter_code", "事项编码", help="填写的须有派单权限"),
    Field("source", "外部来源", help="来源系统的名称；与外部编号合起来不得重复"),
    Field("external_number", "外部编号"),
)
LIMITS = {"name": 40, "address": 200, "external_user": 60, "source": 40, "external_number": 60}


def post_request(actor: Actor, data: dict[str, Any], key: str) -> Request:
    """Register what another system hands in."""
    matter, said = data.pop("matter_code", ""), {name: value for name, value in data.items() if value not in (None, "")}
    for name, most in LIMITS.items():
        if len(said.get(name, "")) > most:
            raise Invalid(f"诉求未登记：{name} 不超过 {most} 字。", errors={name: [f"不超过 {most} 字"]})
    if bool(said.get("source")) != bool(said.get("external_number")):
        raise Invalid("诉求未登记：外部来源与外部编号须同时填写。", errors={"external_number": ["须与 source 同填"]})
    known = Request.objects.filter(source=said.get("source", ""), external_number=said.get("external_number", ""))
    if said.get("external_number") and not key and known.exists():
        raise Conflict("诉求未登记：该来源的这个编号已经登记过。重发请带同一 Idempotency-Key。")
    intake = Intake(channel=Channel.API, **{**said, "kind": Kind(said["kind"])})
    marked = f"api:{key}" if key else ""
    return (
        register_for_matter(actor, intake, matter, key=marked)
        if matter
        else register_request(actor, intake, key=marked)
    )
