"""两个连接同时训练，只有一版在用；认定申请以同一标识重复提交，只有一件。"""

import threading

import pytest
from django.db import connection, connections

from yiwang.city.hotline.models import Exclusion, TriageModel
from yiwang.city.hotline.services import triage
from yiwang.city.hotline.services.exclusions import apply_exclusion
from yiwang.city.hotline.tests.test_triage import lines
from yiwang.city.hotline.tests.world import build
from yiwang.kernel.access.actors import Refused
from yiwang.kernel.flow.models import Case
from yiwang.kernel.search import classify


@pytest.mark.django_db(transaction=True)
def test_两人同时训练只有一版在用_认定申请重发只一件() -> None:
    world = build()
    texts, labels = lines(104)
    trained = [classify.train(texts[:size], labels[:size], [n // 2 for n in range(size)]) for size in (204, 208)]
    start, failed = threading.Barrier(2), []

    def put(number: int) -> None:
        try:
            start.wait(20)
            triage._put_in_force(world["manager"], trained[number], 204)
        except Exception as problem:  # noqa: BLE001 - whatever it was, the test must name it
            failed.append(repr(problem))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=put, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed and TriageModel.objects.count() == 2
    assert TriageModel.objects.filter(active=True).count() == 1
    request = world.done()
    asked = {"ground": "untrue", "statement": "现场照片证明路灯完好"}
    made = [apply_exclusion(world["housing.handler"], request.pk, **asked, key="k") for _ in range(2)]
    assert made[0] == made[1] and Exclusion.objects.count() == 1
    assert Case.objects.filter(flow="hotline.exclusion").count() == 1
    with pytest.raises(Refused, match="正在认定"):
        apply_exclusion(world["housing.handler"], request.pk, **asked, key="另一次")
    assert connection.is_usable()
