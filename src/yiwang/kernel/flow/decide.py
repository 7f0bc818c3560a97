"""How the verdicts of the seats decide a stage: pure, order-independent, monotone, exact (no floats)."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from yiwang.kernel.flow.definitions import Decide

Result = Literal["open", "pass", "reject"]


@dataclass(frozen=True)
class Vote:
    """A seat as the rule sees it: `verdict` is "" while undecided."""

    verdict: str = ""
    weight: int = 1
    lead: bool = False
    mandatory: bool = False


def decide(rule: Decide, votes: Iterable[Vote]) -> Result:
    """`mandatory` votes (前后加签) come on top of the rule: each must pass, one rejection rejects."""
    every = list(votes)
    extra = [vote for vote in every if vote.mandatory]
    result = _base(rule, [vote for vote in every if not vote.mandatory])
    if result == "reject" or any(vote.verdict == "reject" for vote in extra):
        return "reject"
    return "pass" if result == "pass" and all(vote.verdict == "pass" for vote in extra) else "open"


def base(rule: Decide, votes: Iterable[Vote]) -> Result:
    """The rule alone: once decided, the other seats of the rule have nothing left to say."""
    return _base(rule, [vote for vote in votes if not vote.mandatory])


def _base(rule: Decide, votes: list[Vote]) -> Result:
    if not votes:
        return "open"
    if rule.by == "any":
        return _first(votes)
    if rule.by == "lead":
        return _first([vote for vote in votes if vote.lead] or votes)
    passed, rejected, open_ = (
        sum(_weight(rule, vote) for vote in votes if vote.verdict == verdict) for verdict in ("pass", "reject", "")
    )
    need, veto = _thresholds(rule, passed + rejected + open_)
    if (veto is not None and rejected >= veto) or passed + open_ < need:
        return "reject"
    if passed >= need and (veto is None or rejected + open_ < veto):
        return "pass"
    return "open"


def _first(votes: list[Vote]) -> Result:
    verdicts = {vote.verdict for vote in votes}
    return "pass" if "pass" in verdicts else "reject" if "reject" in verdicts else "open"


def _weight(rule: Decide, vote: Vote) -> int:
    return vote.weight if rule.by == "weight" else 1


def _thresholds(rule: Decide, total: int) -> tuple[Fraction, Fraction | None]:
    """A threshold above what the votes can reach is capped at all of them, so a stage is never undecidable."""
    if rule.by == "all":
        return Fraction(total), None
    scale = 1 if rule.by == "count" else total
    need = min(Fraction(str(rule.pass_at)) * scale, Fraction(total))
    veto = None if rule.reject_at is None else min(Fraction(str(rule.reject_at)) * scale, Fraction(total))
    return need, veto
