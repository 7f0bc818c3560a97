"""Invariant 9, and numbers: decide is order-independent, monotone, never both; early stop ⇔ nothing can change."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.kernel.flow.decide import Vote, decide
from yiwang.kernel.flow.definitions import Decide

shares = st.sampled_from([0.2, 0.25, 0.3, 0.5, 0.6, 0.75, 1])
rules = st.one_of(
    st.builds(Decide, st.sampled_from(["ratio", "weight"]), shares, st.one_of(st.none(), shares)),
    st.builds(Decide, st.just("count"), st.integers(1, 5), st.one_of(st.none(), st.integers(1, 5))),
    st.just(Decide("all")),
)
votes = st.lists(
    st.builds(Vote, st.sampled_from(["", "", "pass", "reject"]), st.integers(1, 5), mandatory=st.booleans()),
    min_size=1, max_size=6,
).filter(lambda seats: any(not seat.mandatory for seat in seats))  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(rules, votes, st.randoms())
def test_invariant_9_次序无关(rule: Decide, seats: list[Vote], random: object) -> None:
    shuffled = list(seats)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(rule, shuffled) == decide(rule, seats)


@settings(max_examples=200, deadline=None)
@given(rules, votes)
def test_invariant_9_提前有结论当且仅当余票不能改变(rule: Decide, seats: list[Vote]) -> None:
    free = [index for index, seat in enumerate(seats) if not seat.verdict]
    ends = set()
    for choice in product(["pass", "reject"], repeat=len(free)):
        full = list(seats)
        for index, verdict in zip(free, choice, strict=True):
            full[index] = Vote(verdict, full[index].weight, full[index].lead, full[index].mandatory)
        ends.add(decide(rule, full))
    assert "open" not in ends
    result = decide(rule, seats)
    assert ends == {result} if result != "open" else len(ends) == 2


@settings(max_examples=200, deadline=None)
@given(rules, votes, st.integers(0, 5))
def test_invariant_9_单调(rule: Decide, seats: list[Vote], which: int) -> None:
    """Turning a rejection or an undecided vote into a pass never turns the result against it."""
    rank = {"reject": 0, "open": 1, "pass": 2}
    index = which % len(seats)
    better = [Vote("pass", seat.weight, seat.lead, seat.mandatory) if place == index else seat
              for place, seat in enumerate(seats)]  # fmt: skip
    assert rank[decide(rule, better)] >= rank[decide(rule, seats)]


def test_一票先到即决() -> None:
    assert decide(Decide("any"), [Vote(), Vote("pass"), Vote()]) == "pass"
    assert decide(Decide("any"), [Vote(), Vote("reject")]) == "reject"
    assert decide(Decide("lead"), [Vote(lead=True), Vote("pass")]) == "open"
