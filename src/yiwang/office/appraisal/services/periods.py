"""考核月：开启、调整参评单位、取数、冻结与更正。"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.measures.periods import month_of
from yiwang.kernel.orgs.models import Organisation
from yiwang.office.appraisal import queries
from yiwang.office.appraisal.models import Bulletin, Period, Scheme
from yiwang.office.appraisal.terms import PeriodState


@dataclass
class Collected:
    """What one source brought into a month; `doubtful` are facts that a person has to judge, with the reason."""

    added: int = 0
    known: int = 0
    passed: int = 0
    reversed: int = 0
    doubtful: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A domain that deducts by its own facts: the rule codes it knows and the run for (actor, scheme code, month).

    `recheck` only reverses what was deducted for facts that are no more; it says how many, and runs where a bulletin is
    about to be issued from today's facts.
    """

    name: str
    rules: Mapping[str, str]
    run: Callable[[Actor, str, date], Collected]
    recheck: Callable[[Actor, str, date], int]


_sources: dict[str, Source] = {}


def register_source(code: str, source: Source) -> None:
    _sources[code] = source


def sources() -> list[Source]:
    return [_sources[code] for code in sorted(_sources)]


def locked_period(period_id: int) -> Period:
    return Period.objects.select_for_update(of=("self",)).select_related("scheme", "scheme_version").get(pk=period_id)


@transaction.atomic
def open_period(actor: Actor, scheme: Scheme, month: date, unit_ids: list[int]) -> Period:
    """Open a month with the version then in force; opening again with the same units returns the same period."""
    actor.require("appraisal.period", "add")
    first = month.replace(day=1)
    Scheme.objects.select_for_update().get(pk=scheme.pk)
    existing = Period.objects.filter(scheme=scheme, month=first).first()
    if existing is not None:
        if set(unit_ids) != set(existing.units.values_list("pk", flat=True)):
            raise Conflict(f"{existing} 已开启，参评单位与本次所选不同。请在考核月中调整参评单位。")
        return existing
    version = queries.version_in_force(scheme.pk, first)
    if version is None:
        raise Invalid(f"{first:%Y年%m月} 没有施行中的“{scheme}”版本，不能开启考核月。请先发布办法。")
    _known_units(unit_ids)
    period = Period.objects.create(
        scheme=scheme,
        scheme_version=version,
        month=first,
        organisation_id=scheme.organisation_id,
        created_by_id=actor.person_id,
    )
    period.units.set(unit_ids)
    ledger.record(
        actor, "appraisal.open_period", ("appraisal.period", period.pk),
        after={"month": first.isoformat(), "version": version.number, "units": sorted(unit_ids)},
    )  # fmt: skip
    return period


def _known_units(unit_ids: list[int]) -> None:
    if not unit_ids or Organisation.objects.filter(pk__in=unit_ids).count() != len(set(unit_ids)):
        raise Invalid("请从机构清单中选择参评单位。", errors={"units": ["必填"]})


@transaction.atomic
def change_units(actor: Actor, period: Period, unit_ids: list[int]) -> Period:
    """Who is judged, while the month is open; a unit with deductions stays."""
    doors.row(actor, "appraisal.period", period.pk, "open")
    locked = locked_period(period.pk)
    require_open(locked)
    _known_units(unit_ids)
    before = set(locked.units.values_list("pk", flat=True))
    judged = Organisation.objects.filter(pk__in=locked.deductions.values("organisation")).exclude(pk__in=unit_ids)
    if judged.exists():
        raise Invalid(f"{judged[0]} 本月已有扣分记录，不能移出。", errors={"units": ["已有扣分"]})
    locked.units.set(unit_ids)
    ledger.record(
        actor, "appraisal.change_units", ("appraisal.period", locked.pk),
        before={"units": sorted(before)}, after={"units": sorted(unit_ids)},
    )  # fmt: skip
    return locked


def require_open(period: Period) -> None:
    if period.state == PeriodState.FROZEN:
        raise Refused(f"{period} 已冻结，不能再扣分。有遗漏的列入下月。", rule="冻结月份只受理复核", code="frozen")


@transaction.atomic
def collect(actor: Actor, period: Period) -> dict[str, Collected]:
    """Let every source deduct for the month; what it left to people is kept with the month."""
    doors.row(actor, "appraisal.period", period.pk, "deduct")
    locked = locked_period(period.pk)
    require_open(locked)
    if not _sources:
        raise Refused("没有可取数的业务系统。", code="nothing")
    found = {source.name: source.run(actor, locked.scheme.code, locked.month) for source in sources()}
    locked.collection = {
        "at": timezone.now().isoformat(),
        "by": actor.name,
        "sources": {name: asdict(each) for name, each in found.items()},
    }
    locked.save(update_fields=["collection", "updated_at"])
    return found


def _recheck(actor: Actor, period: Period) -> None:
    for source in sources():
        source.recheck(actor, period.scheme.code, period.month)


def _issue(actor: Actor, period: Period, reason: str, *, keep_rates: bool = False) -> Bulletin:
    latest = queries.latest_bulletin(period)
    rates = queries.frozen_rates(latest) if keep_rates and latest else queries.live_rates(period, period.scheme_version)
    rows = queries.as_rows(queries.standings(period, rates=rates))
    return Bulletin.objects.create(
        period=period,
        edition=latest.edition + 1 if latest else 1,
        supersedes=latest,
        reason=reason[:300],
        rows=rows,
        digest=queries.digest_of(rows),
        issued_by_id=actor.person_id,
    )


@transaction.atomic
def freeze_period(actor: Actor, period: Period) -> Bulletin:
    """Freeze a month that is over and issue its bulletin; deductions whose fact is gone are reversed before."""
    doors.row(actor, "appraisal.period", period.pk, "freeze")
    locked = locked_period(period.pk)
    if locked.state == PeriodState.FROZEN:
        raise Conflict(f"{locked} 已经冻结，通报已发布。")
    if month_of(locked.month).stop_at > timezone.now():
        raise Refused(f"{locked} 还没有结束，不能冻结。请在次月办理。", rule="月度考核按整月计", code="running")
    _recheck(actor, locked)
    locked.state = PeriodState.FROZEN
    locked.version += 1
    locked.save(update_fields=["state", "version", "updated_at"])
    bulletin = _issue(actor, locked, "")
    ledger.record(actor, "appraisal.freeze_period", ("appraisal.period", locked.pk), after={"digest": bulletin.digest})
    return bulletin


@transaction.atomic
def correct_bulletin(actor: Actor, period: Period, reason: str) -> Bulletin:
    """A corrected edition from today's facts, rates and automatic deductions alike, supersedes the frozen one, which stays readable."""
    doors.row(actor, "appraisal.period", period.pk, "freeze")
    locked = locked_period(period.pk)
    if locked.state != PeriodState.FROZEN:
        raise Refused(f"{locked} 尚未发布通报，无需更正。", code="not_frozen")
    if not reason.strip():
        raise Invalid("更正通报须写明原因。", errors={"reason": ["必填"]})
    _recheck(actor, locked)
    return _corrected(actor, locked, reason.strip(), keep_rates=False)


def reissue(actor: Actor, period: Period, reason: str) -> Bulletin | None:
    """After an upheld appeal: the frozen rates stay, the deductions and every rank are new. None before the freeze."""
    return _corrected(actor, period, reason, keep_rates=True) if period.state == PeriodState.FROZEN else None


def _corrected(actor: Actor, period: Period, reason: str, *, keep_rates: bool) -> Bulletin:
    bulletin = _issue(actor, period, reason, keep_rates=keep_rates)
    ledger.record(
        actor, "appraisal.correct_bulletin", ("appraisal.period", period.pk),
        after={"edition": bulletin.edition, "reason": reason, "digest": bulletin.digest},
    )  # fmt: skip
    return bulletin
