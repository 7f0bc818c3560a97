from django.db import migrations

FORWARD = """
CREATE FUNCTION flow_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '办理记录与流程版本只增不改，% 被拒绝（表 %）', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER flow_entry_append_only BEFORE UPDATE OR DELETE ON flow_entry
    FOR EACH ROW EXECUTE FUNCTION flow_refuse();
CREATE TRIGGER flow_entry_no_truncate BEFORE TRUNCATE ON flow_entry
    FOR EACH STATEMENT EXECUTE FUNCTION flow_refuse();
CREATE TRIGGER flow_issuednumber_append_only BEFORE UPDATE OR DELETE ON flow_issuednumber
    FOR EACH ROW EXECUTE FUNCTION flow_refuse();
CREATE TRIGGER flow_daybill_append_only BEFORE UPDATE OR DELETE ON flow_daybill
    FOR EACH ROW EXECUTE FUNCTION flow_refuse();
CREATE TRIGGER flow_version_no_delete BEFORE DELETE ON flow_flowversion
    FOR EACH ROW EXECUTE FUNCTION flow_refuse();
CREATE TRIGGER flow_version_frozen BEFORE UPDATE ON flow_flowversion FOR EACH ROW
    WHEN ((OLD.code, OLD.name, OLD.edition, OLD.digest, OLD.definition, OLD.valid_from)
          IS DISTINCT FROM (NEW.code, NEW.name, NEW.edition, NEW.digest, NEW.definition, NEW.valid_from))
    EXECUTE FUNCTION flow_refuse();
-- Every act updates its case: room on the page keeps the new version there, and no index is touched.
ALTER TABLE flow_case SET (fillfactor = 70);
"""
BACKWARD = """
ALTER TABLE flow_case RESET (fillfactor);
DROP TRIGGER flow_entry_append_only ON flow_entry;
DROP TRIGGER flow_entry_no_truncate ON flow_entry;
DROP TRIGGER flow_issuednumber_append_only ON flow_issuednumber;
DROP TRIGGER flow_daybill_append_only ON flow_daybill;
DROP TRIGGER flow_version_no_delete ON flow_flowversion;
DROP TRIGGER flow_version_frozen ON flow_flowversion;
DROP FUNCTION flow_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("flow", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
