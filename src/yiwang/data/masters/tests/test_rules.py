"""Survivorship and grouping as pure rules."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.data.masters.terms.clusters import Verdict, clusters, pair, scored
from yiwang.data.masters.terms.survival import Row, survive

REFS = [f"r{number}" for number in range(7)]
refs = st.sampled_from(REFS)
edges = st.lists(st.tuples(refs, refs, st.sampled_from([0.95, 0.97, 1.0])), max_size=12)
verdicts = st.lists(
    st.builds(
        Verdict,
        st.booleans(),
        st.lists(refs, min_size=1, max_size=2).map(tuple),
        st.lists(refs, min_size=1, max_size=2).map(tuple),
    ).filter(lambda verdict: not set(verdict.left) & set(verdict.right)),
    max_size=5,
)
FIELDS = ["name", "phone"]
rows = st.lists(
    st.builds(
        Row, ref=refs, source=st.sampled_from("abc"), position=st.just(0), seen=st.sampled_from(["", "2024-01-01", "2025-06-01"]),
        values=st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(["", "甲", "乙", "丙"])),
    ).map(lambda row: Row(row.ref, row.source, "abc".index(row.source), row.seen, row.values)),
    max_size=6, unique_by=lambda row: row.ref,
)  # fmt: skip
priorities = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(st.sampled_from(["*", *FIELDS]), st.integers(1, 3))
)
# A busy machine draws slowly; that is no fault of the rules.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(edges, verdicts, st.randoms())
def test_groups_are_a_partition_whatever_the_order(matches, said, dice):
    found = clusters(REFS, matches, said)
    assert sorted(ref for part in found for ref in part) == REFS
    shuffled, names = list(matches), list(REFS)
    dice.shuffle(shuffled)
    dice.shuffle(names)
    assert clusters(names, shuffled, said) == found


@patient
@given(edges, verdicts)
def test_what_people_hold_apart_stays_apart(matches, said):
    last = {pair(a, b): each.same for each in said for a in each.left for b in each.right}
    for part in clusters(REFS, matches, said):
        assert not [1 for a in part for b in part if a < b and last.get((a, b)) is False]


@patient
@given(edges, verdicts, st.data())
def test_a_decision_taken_back_leaves_no_trace(matches, said, data):
    """What is in force decides, not what was once: apply one more, take it back, and all is as before."""
    before = clusters(REFS, matches, said)
    more = data.draw(verdicts.filter(bool))[0]
    assert clusters(REFS, matches, [*said, more][:-1]) == before
    if more.same and len(more.left) == len(more.right) == 1:
        after = clusters(REFS, matches, [more])
        assert any({*more.left, *more.right} <= part for part in after)


@patient
@given(edges)
def test_without_people_groups_are_the_connected_components(matches):
    found = clusters(REFS, matches, [])
    home = {ref: part for part in found for ref in part}
    assert all(home[a] == home[b] for a, b, _ in matches)
    assert len(found) >= len(REFS) - len({pair(a, b) for a, b, _ in matches if a != b})


@patient
@given(rows, priorities, st.randoms())
def test_survivors_come_from_a_row_and_do_not_depend_on_order(given_rows, order, dice):
    chosen = survive(given_rows, FIELDS, order)
    by_ref = {row.ref: row for row in given_rows}
    for name, choice in chosen.items():
        row = by_ref[choice.ref]
        assert (choice.value, choice.source, choice.seen) == (row.values[name], row.source, row.seen)
        rank = order.get(row.source, {})
        best = rank.get(name, rank.get("*", 100))
        for other in given_rows:
            if other.values.get(name):
                theirs = order.get(other.source, {})
                rival = theirs.get(name, theirs.get("*", 100))
                assert best < rival or (best == rival and choice.seen >= other.seen)
    assert {name for name in FIELDS if any(row.values.get(name) for row in given_rows)} == set(chosen)
    shuffled = list(given_rows)
    dice.shuffle(shuffled)
    assert survive(shuffled, FIELDS, order) == chosen


def test_full_width_and_blanks_are_no_conflict():
    made = [Row("1", "a", 0, "", {"name": "ＡＢ 公司"}), Row("2", "b", 1, "", {"name": "ab公司"})]
    assert survive(made, ["name"], {})["name"].against == ()


def test_pairs_are_scored_against_the_truth():
    found = scored([frozenset("ab"), frozenset("c")], {"a": "1", "b": "1", "c": "1"})
    assert (found["precision"], round(float(found["recall"]), 4), found["f1"]) == (1.0, 0.3333, 0.5)
