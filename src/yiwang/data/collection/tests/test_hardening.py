"""Half a batch and then the power: nothing half done, nothing lost. Two at once: one wins, the other gets a sentence."""

import io
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.conf import settings
from django.db import connection
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection.models import Due, Package, Reminder, Statement, Stock
from yiwang.data.collection.queries import month_of_statements, totals
from yiwang.data.collection.services import intake, watching
from yiwang.data.collection.tests.killed import STEPS, killed
from yiwang.data.collection.tests.world import HEADER, District, csv, furnish, publish_resource, rows
from yiwang.data.governance.models import Run
from yiwang.kernel.access.actors import SYSTEM, Conflict, Refused
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.services import sweep
from yiwang.kernel.flow import services as flow
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.models import Snapshot
from yiwang.kernel.lake.services.sweeping import sweep as sweep_lake
from yiwang.kernel.tables.templates import CODE, VERSION


def batch(start: int) -> bytes:
    """One row is kept back, so that there is a return sheet too."""
    return csv([*rows(30, start + 1), [f"B{start}", "坏", "不是日期", "3"]]).getvalue()


@pytest.fixture
def committed(transactional_db: None) -> Iterator[District]:
    yield furnish()


@pytest.mark.django_db(transaction=True)
def test_在任一步被杀_再来一次恰好成一份(committed: District) -> None:
    """Each step with a resource, a source and rows of its own; whatever is counted goes up by one."""
    published = Snapshot.objects.filter(publications__isnull=False)
    for before, step in enumerate(STEPS):
        committed.resource = publish_resource(committed, f"名册{before}")
        source, content = committed.source(), batch(100 * before)
        assert killed(step, committed["报送员"], source, content) == 9, step
        # What is current is the old (nothing) or the new, never a part of it.
        assert committed.facts().rows == 0 and published.count() == before, step
        Job.objects.filter(state=Job.State.RUNNING).update(state=Job.State.QUEUED)  # what the keeper of jobs does
        run_all()
        package, fresh = intake.receive(committed["报送员"], source, "名册.csv", io.BytesIO(content), batch="批一")
        assert fresh == (step in ("before the row", "before the job")), step
        run_all()
        package.refresh_from_db()
        assert (package.state, package.valid, package.bad) == ("published", 30, 1), step
        assert len(committed.data()) == 30 and [each.rows for each in Stock.objects.all()] == [30] * (before + 1), step
        counts = [Package.objects, Run.objects, published, StoredFile.objects.filter(kind="退回表")]
        assert [each.count() for each in counts] == [before + 1] * 4, step
        sweep(age=0)
        sweep_lake()
        var = Path(settings.VAR)
        left = [*var.glob("opened/*"), *var.glob("lake/.work/*"), *var.glob("files/??/??/.new-*")]
        assert not [path for path in left if not path.name.endswith(".lock")], step


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False])
def test_同一批次两处同时交_一份成包_另一份得到一句话(committed: District, same: bool) -> None:
    source, actor, start = committed.source(), committed["报送员"], threading.Barrier(2)
    contents = [csv(rows(20)).getvalue(), csv(rows(20) if same else rows(19)).getvalue()]
    results: list[Any] = []

    def hand_in(content: bytes) -> None:
        try:
            start.wait(10)
            results.append(intake.receive(actor, source, "名册.csv", io.BytesIO(content), batch="批一"))
        except Conflict as conflict:
            results.append(conflict)
        finally:
            connection.close()

    threads = [threading.Thread(target=hand_in, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    made = Package.objects.get()
    if same:
        assert sorted(fresh for _, fresh in results) == [False, True]
        assert {package.pk for package, _ in results} == {made.pk}
        assert made.steps.filter(message__contains="再次报送").count() == 1
    else:
        refused = next(each for each in results if isinstance(each, Conflict))
        assert made.number in refused.message and "批次“批一”已收到过另一份内容" in refused.message
    run_all()
    made.refresh_from_db()
    assert made.state == "published" and Job.objects.filter(name="collection.process").count() == 1


@pytest.mark.django_db
def test_模板的版本与资源在上传时核对(district: District) -> None:
    facts = district.facts()

    def filled(code: str, version: int) -> io.BytesIO:
        content = io.BytesIO()
        book = xlsxwriter.Workbook(content, {"in_memory": True})
        book.set_custom_property(CODE, code, "text")
        book.set_custom_property(VERSION, version, "number_int")
        page = book.add_worksheet("数据")
        for index, line in enumerate([HEADER, *rows(5)]):
            page.write_row(index, 0, line)
        book.close()
        content.seek(0)
        return content

    other = district.hand_in(filled("999/000001", facts.version))
    assert other.state == "failed" and "按资源 999/000001 的模板填写" in other.message and facts.code in other.message
    old = district.hand_in(filled(facts.code, facts.version + 1), "旧模板.xlsx")
    assert f"按第 {facts.version + 1} 版模板填写，目录现为第 {facts.version} 版" in str(old.looked.get("notes"))
    assert old.edition == facts.version
    page = district.client("报送员").get(f"/collection/package/{old.pk}/").content.decode()
    assert f"目录现为第 {facts.version} 版" in page


@pytest.mark.django_db
def test_到期未报开一件催报_数据一到自动办结_及时率有分母(district: District) -> None:
    district.hand_in(csv(rows(10)), "名册.csv")
    due = district.facts().due_at
    assert due is not None and watching.remind(due - timedelta(minutes=1)) == 0
    late = due + timedelta(hours=1)
    assert watching.remind(late) == 1 and watching.remind(late) == 0
    reminder = Reminder.objects.get()
    assert (reminder.due_at, reminder.closed_at) == (due, None)
    with pytest.raises(Refused, match="自动办结"):
        flow.act(district["报送员"], reminder.case_id, "arrived", data={"package": "包-1"})
    assert Due.objects.get(due_at=due).on_time is False
    district.hand_in(csv(rows(11)), "名册.csv")
    reminder.refresh_from_db()
    assert reminder.closed_at is not None and reminder.package is not None
    assert reminder.case.status == "closed"
    # The first delivery was on time for the term before.
    assert {(each.due_at == due, each.on_time) for each in Due.objects.filter(arrived_at__isnull=False)} >= {(True, True)} or (
        Due.objects.get(due_at=due).arrived_at is not None
    )  # fmt: skip


@pytest.mark.django_db
def test_返还对账单逐包一份_按月合计_差异分方向(district: District) -> None:
    district.hand_in(csv(rows(10)), "名册.csv")
    above = district.source("push", name="省级返还", from_above=True)
    given = rows(9, start=2)  # A0002…A0010: one is missing from above
    given[0][1] = "改过"
    given.append(["A9999", "多出", "1990-01-01", "3"])
    package = district.hand_in(csv(given), "返还.csv", source=above)
    assert package.state in ("published", "waiting")
    found = Statement.objects.get()
    assert (found.above, found.local, found.same, found.changed, found.only_above, found.only_local) == (
        10,
        10,
        8,
        1,
        1,
        1,
    )
    assert found.state == "different" and found.details["by_column"].get("name") == 1
    month = timezone.localdate().replace(day=1)
    assert totals(month_of_statements(district["管理员"], month)) == {
        "above": 10, "local": 10, "same": 8, "only_above": 1, "only_local": 1, "changed": 1,
    }  # fmt: skip
    assert not month_of_statements(district["教育报送员"], month).exists()
    assert catalog.resource(SYSTEM, district.resource).rows == 10 and lake.current(lake.table(district.facts().table))
