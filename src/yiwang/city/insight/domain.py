"""诉求研判。"""

from yiwang.city.insight import pages
from yiwang.city.insight.demo import build
from yiwang.city.insight.registers import REPEAT
from yiwang.kernel.pages.manifest import Domain, MenuItem

DOMAIN = Domain(
    code="insight",
    name="诉求研判",
    basis=("国办发〔2020〕53号", "GB/T 33358-2016"),
    wing="city",
    menu=(MenuItem("诉求研判", "/insight/", (REPEAT.code, "judge"), icon="chart"),),
    urls=pages.URLS,
    demo=build,
    demo_after=("hotline",),
    words=(("request", "诉求"), ("earlier", "较早的一件"), ("judgement", "研判结论"), ("similarity", "相似程度"), ("from", "自"), ("topics", "热点数"), ("requests", "诉求"), ("insight.judge_repeat", "研判疑似重复"), ("insight.compute_topics", "计算热点"), ("hotline.compute_topics", "计算热点")),
)  # fmt: skip
