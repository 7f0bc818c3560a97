"""拆单：一件诉求里的几件事分别成单，受理量仍计原件一件，派件、办结按拆出各件计，各件沿用原件的受理时间、诉求人和原文。"""

from yiwang.city.hotline.models import Reporter, Request
from yiwang.city.hotline.queries import tracking_code
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.flow.models import Case
from yiwang.kernel.search.text import bigrams

# What a part does not take over: its own identity in the books, and everything that handling writes.
OWN = frozenset({"id", "case", "number", "title", "tracking_code", "external_number", "organisation", "matter_code", "matter_name",
                 "edition", "category", "event", "likes", "dislikes", "split_from", "search_terms", "version", "created_at",
                 "updated_at"})  # fmt: skip
KEPT = tuple(each for each in Request._meta.concrete_fields if each.name not in OWN)


def split(source: Request, event: Event) -> None:
    """The engine has opened the cases; each gets its own request and the same reporter."""
    numbers = [number for number, _ in event.entry.payload["facts"]["parts"]]
    made = [_part(source, case) for case in Case.objects.filter(pk__in=numbers).order_by("pk")]
    Request.objects.bulk_create(made)
    said = Reporter.objects.filter(request=source).first()
    if said is not None:
        Reporter.objects.bulk_create(
            Reporter(request=part, name=said.name, phone=said.phone, external_user=said.external_user,
                     statement=said.statement, wants_callback=said.wants_callback)
            for part in made
        )  # fmt: skip


def _part(source: Request, case: Case) -> Request:
    kept = {each.attname: getattr(source, each.attname) for each in KEPT}
    return Request(
        **{**kept, "closed_at": None, "dispatched_at": None},
        case=case,
        number=case.number,
        title=case.title[:200],
        tracking_code=tracking_code(),
        organisation_id=case.organisation_id,
        split_from=source,
        search_terms=sorted(set(bigrams(f"{case.title} {source.content}")))[:400],
    )
