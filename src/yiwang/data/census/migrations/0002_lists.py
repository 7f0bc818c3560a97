from django.db import migrations

# Ids follow from the rows behind them, so that a line keeps its address.
LISTS = """
CREATE VIEW census_responsibility AS
SELECT d.id * 4294967296 + coalesce(r.id, 0) AS id, d.id AS duty_id, d.organisation_id, r.id AS resource_id, d.basis,
       coalesce(r.cycle, '') AS cycle, coalesce(r.publish_state, '') AS publish_state
FROM census_duty d
LEFT JOIN census_duty_resources l ON l.duty_id = d.id
LEFT JOIN catalog_resource r ON r.id = l.resource_id
WHERE d.yields_data;
CREATE VIEW census_negative AS
SELECT i.id * 2 AS id, r.organisation_id, r.id AS resource_id, i.id AS item_id, NULL::bigint AS demand_id,
       r.name || '·' || i.title AS subject, '信息项不予共享' AS reason, i.share_basis AS basis, r.published_at AS since
FROM catalog_item i JOIN catalog_resource r ON r.id = i.resource_id
WHERE i.share_type = 'withheld' AND NOT i.retired
UNION ALL
SELECT d.id * 2 + 1, d.provider_id, d.resource_id, NULL, d.id, d.wanted, d.reason, d.basis, d.settled_at
FROM catalog_demand d WHERE d.state = 'refused' AND d.provider_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("census", "0001_initial"), ("catalog", "0003_receipt")]
    operations = [migrations.RunSQL(LISTS, "DROP VIEW census_negative; DROP VIEW census_responsibility;")]
