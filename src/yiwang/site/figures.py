"""The data foundation's figures counted again: statements written by hand, past measures, scopes and registers.

Where it can be, a figure is counted from another ledger than its measure reads: rows handed in from the checks, stock from
the lake's snapshots. `%(start)s`, `%(stop)s`: Shanghai midnights, the second excluded; stock is counted from the beginning.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.measures import queries
from yiwang.kernel.measures.periods import EARLIEST, Period, between

NEWS = "catalog_resource WHERE number > 0 AND published_at >= %(start)s AND published_at < %(stop)s"
ITEMS = (
    "catalog_item i JOIN catalog_resource r ON r.id = i.resource_id WHERE NOT i.retired AND r.published_at >= %(start)s "
    "AND r.published_at < %(stop)s"
)
PACKAGES = "collection_package p WHERE p.state = 'published' AND p.ended_at >= %(start)s AND p.ended_at < %(stop)s"
CHECKED = (
    "collection_package p JOIN governance_run g ON g.id = (p.verdict ->> 'run')::bigint WHERE p.state = 'published' "
    "AND p.ended_at >= %(start)s AND p.ended_at < %(stop)s"
)
RUNS = "governance_run WHERE state = 'done' AND finished_at >= %(start)s AND finished_at < %(stop)s"
DUES = "collection_due WHERE on_time IS NOT NULL AND due_at >= %(start)s AND due_at < %(stop)s"
MADE = "created_at >= %(start)s AND created_at < %(stop)s"
DAY = "day >= (%(start)s AT TIME ZONE 'Asia/Shanghai')::date AND day < (%(stop)s AT TIME ZONE 'Asia/Shanghai')::date"
FORMAL = f"sharing_usageday u WHERE {DAY} AND EXISTS (SELECT 1 FROM sharing_grant g WHERE g.id = u.grant_id AND g.kind = 'formal')"
USES = f"opendata_use WHERE {DAY}"
PROMISED = f"{NEWS} AND cycle NOT IN ('irregular', 'other')"
RAISED = "raised_on >= (%(start)s AT TIME ZONE 'Asia/Shanghai')::date AND raised_on < (%(stop)s AT TIME ZONE 'Asia/Shanghai')::date"
DUE_ON = "due_on >= (%(start)s AT TIME ZONE 'Asia/Shanghai')::date AND due_on < (%(stop)s AT TIME ZONE 'Asia/Shanghai')::date"
SCANNED = "protection_finding f JOIN protection_scan s ON s.id = f.scan_id WHERE s.created_at >= %(start)s AND s.created_at < %(stop)s"
OPEN = "opendata_dataset WHERE state = 'open' AND opened_at >= %(start)s AND opened_at < %(stop)s"

# Counted from the beginning: what there is now. A rate is (numerator, denominator).
STOCK: Mapping[str, str] = {
    "catalog.resources": f"SELECT count(*) FROM {NEWS}",
    "catalog.units": f"SELECT count(DISTINCT organisation_id) FROM {NEWS}",
    "catalog.items": f"SELECT count(*) FROM {ITEMS}",
    "catalog.online": f"SELECT count(*) FILTER (WHERE online_state IN ('online', 'down_auditing')) FROM {NEWS}",
    "catalog.synced": "SELECT count(synced_at) FROM catalog_resource",
    "catalog.withheld_items": f"SELECT count(*) FILTER (WHERE i.share_type = 'withheld') FROM {ITEMS}",
    "catalog.graded_items": f"SELECT count(i.level), count(*) FROM {ITEMS}",
    "catalog.attached": "SELECT count(t.current_id), count(*) FROM catalog_resource r LEFT JOIN lake_laketable t ON t.name = r.\"table\" "
    "WHERE r.number > 0",
    "catalog.rows": "SELECT sum(s.rows) FROM catalog_resource r JOIN lake_laketable t ON t.name = r.\"table\" "
    "JOIN lake_snapshot s ON s.id = t.current_id WHERE r.number > 0",
    "collection.stock_change": "SELECT sum(rows) FROM (SELECT DISTINCT ON (resource_id) rows FROM collection_stock "
    "ORDER BY resource_id, id DESC) latest",
    "masters.libraries": "SELECT count(built_at) FROM masters_library",
    "masters.library_rows": "SELECT sum(rows) FROM masters_library WHERE built_at IS NOT NULL",
    "masters.golden_records": "SELECT count(*) FROM masters_goldenrecord WHERE retired_at IS NULL",
    "masters.linked_rate": "SELECT count(*) FILTER (WHERE linked), count(*) FROM masters_member",
    "masters.objects": "SELECT count(*) FROM masters_businessobject",
    "opendata.datasets": f"SELECT count(*) FROM {OPEN}",
    "opendata.items": f"SELECT sum(item_count) FROM {OPEN}",
    "opendata.rows": f"SELECT sum(rows) FROM {OPEN}",
    "census.duties": "SELECT count(*) FROM census_duty WHERE yields_data",
    "census.compiled": "SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM census_duty_resources l JOIN catalog_resource r ON r.id = l.resource_id "
    "WHERE l.duty_id = d.id AND r.number > 0)), count(*) FROM census_duty d WHERE yields_data",
    "catalog.structured_shared": "SELECT count(*) FILTER (WHERE format IN ('database', 'spreadsheet') AND share_type <> 'withheld'), count(*) "
    f"FROM {NEWS}",
    "catalog.up_to_date": f"SELECT count(*) FILTER (WHERE due_at >= now()), count(*) FROM {PROMISED}",
    "masters.conflicts_open": "SELECT count(*) FROM masters_conflict WHERE state IN ('open', 'objected')",
    "masters.objects_mapped": "SELECT count(mapped_at), count(*) FROM masters_businessobject",
    "protection.pending_scans": "SELECT count(*) FROM protection_scan WHERE state = 'proposed'",
}  # fmt: skip
# Of the year up to today.
YEAR: Mapping[str, str] = {
    "census.surveyed": "SELECT count(reported_at), count(*) FROM census_target WHERE due_on >= (%(start)s AT TIME ZONE 'Asia/Shanghai')::date "
    "AND due_on < (%(stop)s AT TIME ZONE 'Asia/Shanghai')::date",
    "catalog.demands": "SELECT count(*) FROM catalog_demand WHERE asked_at >= %(start)s AND asked_at < %(stop)s",
    "catalog.loads_in_time": "SELECT count(*) FILTER (WHERE loaded_at <= due_at), count(due_at) FROM catalog_load "
    "WHERE loaded_at >= %(start)s AND loaded_at < %(stop)s",
    "collection.packages": f"SELECT count(*) FROM {PACKAGES}",
    "collection.organisations": f"SELECT count(DISTINCT p.organisation_id) FROM {PACKAGES}",
    "collection.resources": f"SELECT count(DISTINCT p.resource_id) FROM {PACKAGES}",
    "collection.rows": f"SELECT sum(g.rows) FROM {CHECKED}",
    "collection.valid_rows": f"SELECT sum(g.valid) FROM {CHECKED}",
    "collection.bad_rows": f"SELECT sum(g.rows - g.valid) FROM {CHECKED}",
    "collection.valid_share": f"SELECT sum(g.valid), sum(g.rows) FROM {CHECKED}",
    "collection.refused": "SELECT count(*) FROM collection_package WHERE state IN ('refused', 'failed') AND ended_at >= %(start)s "
    "AND ended_at < %(stop)s",
    "collection.on_time": f"SELECT count(*) FILTER (WHERE arrived_at <= due_at), count(*) FROM {DUES}",
    "collection.late": f"SELECT count(*) FILTER (WHERE arrived_at IS NULL OR arrived_at > due_at) FROM {DUES}",
    "collection.statements": f"SELECT count(*) FROM collection_statement WHERE {MADE}",
    "collection.statements_same": f"SELECT count(*) FILTER (WHERE only_above + only_local + changed = 0), count(*) FROM collection_statement WHERE {MADE}",
    "governance.checked": f"SELECT sum(valid + bad) FROM {RUNS}",
    "governance.valid": f"SELECT sum(rows - bad) FROM {RUNS}",
    "governance.held": f"SELECT sum(rows - valid) FROM {RUNS}",
    "governance.valid_share": f"SELECT sum(rows - bad), sum(rows) FROM {RUNS}",
    "governance.cleaned": f"SELECT sum(repaired_rows) FROM {RUNS}",
    "governance.repaired": f"SELECT sum(repaired) FROM {RUNS}",
    "governance.runs": f"SELECT count(*) FROM {RUNS}",
    "governance.clean_runs": f"SELECT count(*) FILTER (WHERE valid = rows), count(*) FROM {RUNS}",
    "governance.rule_pass": f"SELECT count(*) FILTER (WHERE passed), count(*) FROM governance_finding WHERE {MADE}",
    "governance.objections": "SELECT count(*) FROM governance_objection WHERE raised_on >= (%(start)s AT TIME ZONE 'Asia/Shanghai')::date "
    "AND raised_on < (%(stop)s AT TIME ZONE 'Asia/Shanghai')::date",
    "governance.issues": f"SELECT count(*) FROM governance_issue WHERE {MADE}",
    "sharing.requests": f"SELECT count(*) FROM sharing_request WHERE {MADE}",
    "sharing.refused_requests": f"SELECT count(*) FROM sharing_request WHERE state = 'refused' AND {MADE}",
    "sharing.calls": f"SELECT sum(answered) FROM {FORMAL}",
    "sharing.call_rows": f"SELECT sum(rows) FROM {FORMAL}",
    "sharing.refused_calls": f"SELECT sum(refused) FROM {FORMAL}",
    "sharing.delivered_rows": f"SELECT sum(rows) FROM sharing_delivery WHERE {MADE}",
    "opendata.downloads": f"SELECT sum(times) FROM {USES} AND door = 'download'",
    "opendata.downloaded_rows": f"SELECT sum(rows) FROM {USES} AND door = 'download'",
    "opendata.api_calls": f"SELECT sum(times) FROM {USES} AND door = 'api'",
    "opendata.feedbacks": f"SELECT count(*) FROM opendata_feedback WHERE {MADE}",
    "catalog.demands_met": "SELECT count(*) FILTER (WHERE state = 'met'), count(*) FILTER (WHERE state IN ('met', 'refused')) FROM catalog_demand "
    "WHERE asked_at >= %(start)s AND asked_at < %(stop)s",
    "census.holdings": f"SELECT sum(holdings) FROM census_target WHERE {DUE_ON}",
    "collection.auto": "SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM collection_step s WHERE s.package_id = p.id AND s.state = 'published' "
    f"AND s.message = '达到自动入库门槛')), count(*) FROM {PACKAGES}",
    "governance.corrected": f"SELECT count(corrected_in), count(*) FROM governance_objection WHERE {RAISED} AND decided_at IS NOT NULL "
    "AND mark <> 'withdrawn'",
    "governance.score": "SELECT sum(score), count(*) FROM governance_score WHERE month >= (%(start)s AT TIME ZONE 'Asia/Shanghai')::date "
    "AND month < (%(stop)s AT TIME ZONE 'Asia/Shanghai')::date",
    "masters.looks": f"SELECT count(*) FROM masters_look WHERE {MADE}",
    "opendata.answered_in_time": f"SELECT count(*) FILTER (WHERE answered_at <= due_at), count(*) FROM opendata_feedback WHERE {MADE} "
    "AND (answered_at IS NOT NULL OR due_at < now())",
    "protection.accesses": "SELECT count(*) FROM protection_accessentry WHERE at >= %(start)s AND at < %(stop)s",
    "protection.graded": f"SELECT count(*) FILTER (WHERE decision <> 'pending'), count(*) FROM {SCANNED}",
    "protection.sensitive": f"SELECT count(DISTINCT item_id) FILTER (WHERE decision <> 'pending' AND decided_kind <> '') FROM {SCANNED}",
    "protection.requests_in_time": f"SELECT count(*) FILTER (WHERE answered_at <= due_at), count(*) FROM protection_personrequest WHERE {MADE} "
    "AND (answered_at IS NOT NULL OR due_at < now())",
    "sharing.answered_in_time": f"SELECT count(*) FILTER (WHERE answered_at <= answer_due), count(*) FROM sharing_request WHERE {MADE} "
    "AND state <> 'withdrawn' AND (answered_at IS NOT NULL OR answer_due < now())",
    "sharing.delivered_in_time": f"SELECT count(*) FILTER (WHERE delivered_at <= deliver_due), count(*) FROM sharing_request WHERE {MADE} "
    "AND (delivered_at IS NOT NULL OR (state = 'agreed' AND deliver_due < now()))",
    "masters.decisions": f"SELECT count(*) FROM masters_decision WHERE kind <> 'undo' AND {MADE}",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One figure: what its measure says and what was counted, each (numerator, denominator or None)."""

    code: str
    name: str
    shown: tuple[Decimal, Decimal | None]
    counted: tuple[Decimal, Decimal | None]

    @property
    def same(self) -> bool:
        return self.shown == self.counted


def compared(today: date) -> Iterator[Line]:
    """Every statement beside its measure, for the year up to `today`, in one view of the database."""
    for statements, period in (
        (STOCK, between(date(EARLIEST, 1, 1), today)),
        (YEAR, between(today.replace(month=1, day=1), today)),
    ):
        for code, statement in statements.items():
            figure = queries.value(SYSTEM, code, period)
            yield Line(code, figure.measure.name, (figure.numerator, figure.denominator), _counted(statement, period))


def _counted(statement: str, period: Period) -> tuple[Decimal, Decimal | None]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"start": period.start_at, "stop": period.stop_at})
        row: tuple[Any, ...] = cursor.fetchone()
    numbers = [Decimal(0 if each is None else each) for each in row]
    return numbers[0], numbers[1] if len(numbers) > 1 else None
