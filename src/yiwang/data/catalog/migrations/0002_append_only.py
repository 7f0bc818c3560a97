from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

TABLES = ("catalog_load",)

# A published version never changes; a draft may be given up.
FREEZE = """
CREATE TRIGGER catalog_version_frozen BEFORE UPDATE OR DELETE ON catalog_version
    FOR EACH ROW WHEN (OLD.state = 'published') EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER catalog_version_no_truncate BEFORE TRUNCATE ON catalog_version
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
"""
THAW = """
DROP TRIGGER catalog_version_frozen ON catalog_version;
DROP TRIGGER catalog_version_no_truncate ON catalog_version;
"""

# Ids follow from the rows behind them, so that a line keeps its address.
LISTS = """
CREATE VIEW catalog_responsibility AS
SELECT d.id * 4294967296 + coalesce(r.id, 0) AS id, d.id AS duty_id, d.organisation_id, r.id AS resource_id, d.basis,
       coalesce(r.cycle, '') AS cycle, coalesce(r.publish_state, '') AS publish_state
FROM catalog_duty d
LEFT JOIN catalog_duty_resources l ON l.duty_id = d.id
LEFT JOIN catalog_resource r ON r.id = l.resource_id
WHERE d.yields_data;
CREATE VIEW catalog_negative AS
SELECT i.id * 2 AS id, r.organisation_id, r.id AS resource_id, i.id AS item_id, NULL::bigint AS demand_id,
       r.name || '·' || i.title AS subject, '信息项不予共享' AS reason, i.share_basis AS basis, r.published_at AS since
FROM catalog_item i JOIN catalog_resource r ON r.id = i.resource_id
WHERE i.share_type = 'withheld' AND NOT i.retired
UNION ALL
SELECT d.id * 2 + 1, d.provider_id, d.resource_id, NULL, d.id, d.wanted, d.reason, d.basis, d.settled_at
FROM catalog_demand d WHERE d.state = 'refused' AND d.provider_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial"), ("ledger", "0002_append_only"), ("flow", "0001_initial")]
    operations = [
        migrations.RunSQL(forward(*TABLES), backward(*TABLES)),
        migrations.RunSQL(FREEZE, THAW),
        migrations.RunSQL(LISTS, "DROP VIEW catalog_negative; DROP VIEW catalog_responsibility;"),
    ]
