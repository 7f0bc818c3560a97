"""Delivery: the last stage of a request, by each way of providing."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from yiwang.data.sharing import queries
from yiwang.data.sharing.models import Grant, Request
from yiwang.data.sharing.services import grants
from yiwang.data.sharing.terms import GrantKind, Way
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.models import Entry


@transaction.atomic
def deliver(
    actor: Actor, request: Request, *, seat_id: int | None = None, opinion: str = "", data: dict[str, Any] | None = None,
    files: Iterable[int] = (), key: str = "",
) -> Entry:  # fmt: skip
    """Close the request as delivered: the table serves, or rows have gone out."""
    entry = flow.act(
        actor, request.case_id, "deliver", seat_id=seat_id, opinion=opinion, data=data or {}, files=files, key=key
    )
    grant = Grant.objects.get(request=request, kind=GrantKind.FORMAL)
    _require_ready(grant)
    grants.activate(actor, grant)
    return entry


def _require_ready(grant: Grant) -> None:
    if grant.way == Way.API:
        table = queries.serving(grant.resource_id)
        missing = set(grant.projection) - {name for name, _ in table.columns} if table else set(grant.projection)
        if table is None or missing:
            raise Refused(
                "服务表还没有建成，或缺少授权字段，暂不能交付。数据归集发布后由后台自动建立，请稍后再试。",
                rule="先有数据后交付", code="not_ready",
            )  # fmt: skip
    elif not grant.deliveries.exists():
        raise Refused("还没有推送或生成过文件，不能办结交付。请先执行一次。", rule="先交付后办结", code="not_ready")
