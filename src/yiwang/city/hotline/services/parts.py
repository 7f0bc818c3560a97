"""拆单的动词：选定各件的文字、事项与单位，一并拆开、定事项、派出。"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Reporter, Request
from yiwang.city.hotline.services.handling import responsible_of
from yiwang.city.hotline.services.intake import LONGEST_CONTENT, Intake, Wording, district_of, wording
from yiwang.city.hotline.services.triage import assign_matter
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.crypto import decrypt, encrypt
from yiwang.kernel.flow import services as flow
from yiwang.kernel.search.text import bigrams

MOST_PARTS = 6


@dataclass(frozen=True)
class Part:
    """One of the things asked for. Without a matter it waits for dispatch; `organisation_id` overrules the dictionary."""

    title: str
    content: str
    matter_code: str = ""
    organisation_id: int | None = None


def _check(parts: Sequence[Part]) -> None:
    errors: dict[str, list[str]] = {}
    if not 2 <= len(parts) <= MOST_PARTS:
        raise Invalid(f"拆单须拆成 2 至 {MOST_PARTS} 件，每件写明标题和内容。", errors={"parts": ["件数不符"]})
    for number, part in enumerate(parts, start=1):
        if not part.title.strip() or len(part.title) > 200:
            errors[f"title_{number}"] = ["请填写标题，不超过 200 字"]
        if not part.content.strip() or len(part.content) > LONGEST_CONTENT:
            errors[f"content_{number}"] = [f"请填写内容，不超过 {LONGEST_CONTENT} 字"]
        if part.organisation_id and not part.matter_code:
            errors[f"matter_{number}"] = ["指定单位的须同时定事项：办理时限由事项词典确定"]
    if errors:
        raise Invalid(f"未拆单：{next(iter(errors.values()))[0]}。", errors=errors)


@transaction.atomic
def split_request(
    actor: Actor, request_id: int, parts: Sequence[Part], *, opinion: str, key: str = ""
) -> list[Request]:  # fmt: skip
    """Split one request into parts, each with words, matter and organ of its own; all or nothing. The same key again
    gives the parts made then."""
    source = queries.request(actor, request_id, "triage")
    _check(parts)
    there = source.parts.exists()
    titles = [_words(source, part).title for part in parts]
    flow.split(actor, source.case_id, parts=[{"title": title} for title in titles], opinion=opinion, key=key)
    made = list(source.parts.select_related("case").order_by("pk"))
    if there:
        return made
    for number, (request, part) in enumerate(zip(made, parts, strict=True), start=1):
        _reword(source, request, part)
        if part.matter_code:
            found = assign_matter(actor, request.pk, part.matter_code, reason=opinion)
            given = responsible_of(found)
            if part.organisation_id:
                co_handlers = [each for each in given["co_handlers"] if each != part.organisation_id]
                given |= {"lead": part.organisation_id, "co_handlers": co_handlers}
            said = f"拆单随派：{found.matter_name}"
            flow.act(actor, request.case_id, "dispatch", data=given, opinion=said, key=f"{key}:{number}" if key else "")
        request.refresh_from_db()
    return made


def _words(source: Request, part: Part) -> Wording:
    """The part's wording under the secrecy of its source."""
    stored = Reporter.objects.filter(request=source).first()
    name, phone = (decrypt(each) if each else "" for each in (stored.name, stored.phone)) if stored else ("", "")
    said = Intake(
        Channel(source.channel), Kind(source.kind), part.title, part.content, name=name, phone=phone,
        confidential=source.confidential,
    )  # fmt: skip
    return wording(said)


def _reword(source: Request, request: Request, part: Part) -> None:
    words = _words(source, part)
    text = f"{words.title} {words.content}"
    request.title, request.content = words.title, words.content
    request.district = district_of(text, queries.known_places()) or source.district
    request.search_terms = sorted(set(bigrams(text)))[:400]
    request.save(update_fields=["title", "content", "district", "search_terms", "updated_at"])
    Reporter.objects.filter(request=request).update(statement=encrypt(words.statement) if words.statement else "")
