"""What keeps deliveries going when something broke."""

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict
from yiwang.kernel.flow.models import Outbox, ParkedMessage
from yiwang.kernel.flow.resources import PARKED
from yiwang.kernel.ledger import services as ledger


def redeliver(actor: Actor, outbox_id: int) -> Outbox:
    """A parked message is due again with all its attempts, once the cause of its failures has been removed."""
    actor.require(PARKED.code, "retry")
    with transaction.atomic():
        row = ParkedMessage.objects.select_for_update().filter(pk=outbox_id).first()
        if row is None:
            raise Conflict("该消息没有被搁置，无需重送。请刷新后查看。")
        problem, row.attempts, row.problem, row.not_before = row.problem, 0, "", timezone.now()
        row.save(update_fields=["attempts", "problem", "not_before"])
        ledger.record(actor, "flow.outbox.retry", ("flow.case", row.case_id), before={"problem": problem},
                      after={"message": row.dedup})  # fmt: skip
    return row
