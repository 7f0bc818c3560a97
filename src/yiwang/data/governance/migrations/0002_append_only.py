from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

TABLES = ("governance_finding", "governance_term")
# The rules of a published set never change.
FREEZE = """
CREATE FUNCTION governance_published() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    SELECT state INTO found FROM governance_ruleset
    WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.rule_set_id ELSE OLD.rule_set_id END;
    IF found IS DISTINCT FROM 'draft' THEN
        RAISE EXCEPTION 'rules of a published set do not change';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER governance_rule_frozen BEFORE INSERT OR UPDATE OR DELETE ON governance_rule
    FOR EACH ROW EXECUTE FUNCTION governance_published();
CREATE TRIGGER governance_repair_frozen BEFORE INSERT OR UPDATE OR DELETE ON governance_repair
    FOR EACH ROW EXECUTE FUNCTION governance_published();
"""
THAW = """
DROP TRIGGER governance_rule_frozen ON governance_rule;
DROP TRIGGER governance_repair_frozen ON governance_repair;
DROP FUNCTION governance_published();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0001_initial"), ("ledger", "0002_append_only")]
    operations = [
        migrations.RunSQL(forward(*TABLES), backward(*TABLES)),
        migrations.RunSQL(FREEZE, THAW),
    ]
