from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

TABLES = ("lake_publication", "lake_edge", "lake_proof")
FORWARD = (
    forward(*TABLES)
    + """
CREATE FUNCTION lake_snapshot_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND (OLD.id, OLD.table_id, OLD.number, OLD.kind, OLD.base_id, OLD.columns, OLD.cause, OLD.counts,
             OLD.created_by_id, OLD.created_at)
            IS NOT DISTINCT FROM
            (NEW.id, NEW.table_id, NEW.number, NEW.kind, NEW.base_id, NEW.columns, NEW.cause, NEW.counts,
             NEW.created_by_id, NEW.created_at)
        AND (OLD.expired_at IS NULL OR OLD.expired_at IS NOT DISTINCT FROM NEW.expired_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '快照只能追加，% 被拒绝', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER lake_snapshot_append_only BEFORE UPDATE OR DELETE ON lake_snapshot
    FOR EACH ROW EXECUTE FUNCTION lake_snapshot_refuse();
CREATE SCHEMA IF NOT EXISTS iceberg;
"""
)
BACKWARD = (
    """
DROP TRIGGER lake_snapshot_append_only ON lake_snapshot;
DROP FUNCTION lake_snapshot_refuse();
DROP SCHEMA IF EXISTS iceberg CASCADE;
"""
    + backward(*TABLES)
)


class Migration(migrations.Migration):
    dependencies = [("lake", "0001_initial"), ("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
