"""What other domains may know of the dictionary."""

from dataclasses import dataclass
from datetime import date

from yiwang.city.command import queries
from yiwang.city.command.models import Matter


@dataclass(frozen=True)
class MatterFacts:
    """One matter of one edition, as a case pins it."""

    edition: str
    code: str
    category: str
    name: str
    responsible_id: int
    by_region: bool
    joint_ids: tuple[int, ...]
    limit: int
    unit: str
    closing_condition: str
    keywords: tuple[str, ...]


def _facts(matter: Matter, edition: str) -> MatterFacts:
    return MatterFacts(
        edition=edition,
        code=matter.code,
        category=matter.category,
        name=matter.name,
        responsible_id=matter.responsible_id,
        by_region=matter.by_region,
        joint_ids=tuple(organisation.pk for organisation in matter.joint.all()),
        limit=matter.limit,
        unit=matter.unit,
        closing_condition=matter.closing_condition,
        keywords=tuple(word for word in matter.keywords.split("、") if word),
    )


def matters_in_force(on: date) -> tuple[MatterFacts, ...]:
    """All matters of the edition in force on that day, ordered by code; none while none is published."""
    edition = queries.edition_in_force(on)
    return tuple(_facts(matter, edition.number) for matter in queries.matters(edition)) if edition else ()


def matter_in_force(code: str, on: date) -> MatterFacts | None:
    """The matter of that code in the edition in force on that day."""
    edition = queries.edition_in_force(on)
    found = queries.matters(edition).filter(code=code).first() if edition else None
    return _facts(found, edition.number) if edition and found else None
