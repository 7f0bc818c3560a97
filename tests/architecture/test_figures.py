"""Every figure the data foundation declares has a statement of another hand (`./run demo data --verify`)."""

from yiwang.kernel.measures.registry import all_measures
from yiwang.site import figures
from yiwang.site.domains import DOMAINS

WING = {name.rpartition(".")[2] for name in DOMAINS if name.startswith("yiwang.data.")}


def test_每个数据指标都有另一手写的语句() -> None:
    declared = {measure.code for measure in all_measures() if measure.code.split(".")[0] in WING}
    counted = [*figures.STOCK, *figures.YEAR]
    assert len(declared) > 60 and declared == set(counted) and len(counted) == len(set(counted))
