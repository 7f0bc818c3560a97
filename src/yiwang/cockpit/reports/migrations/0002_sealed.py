from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

SEALED = """
CREATE FUNCTION reports_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'draft' THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE' OR NEW.state = 'draft' OR (OLD.state = 'superseded' AND NEW.state <> 'superseded')
       OR (NEW.body, NEW.digest, NEW.title, NEW.period, NEW.note, NEW.reason, NEW.template_id, NEW.organisation_id,
           NEW.issued_at, NEW.issued_by_id, NEW.supersedes_id)
       IS DISTINCT FROM
          (OLD.body, OLD.digest, OLD.title, OLD.period, OLD.note, OLD.reason, OLD.template_id, OLD.organisation_id,
           OLD.issued_at, OLD.issued_by_id, OLD.supersedes_id) THEN
        RAISE EXCEPTION 'an issued report is sealed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reports_report_sealed BEFORE UPDATE OR DELETE ON reports_report
    FOR EACH ROW EXECUTE FUNCTION reports_refuse();
"""
UNSEALED = "DROP TRIGGER reports_report_sealed ON reports_report; DROP FUNCTION reports_refuse();"


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial"), ("ledger", "0002_append_only")]
    operations = [
        migrations.RunSQL(SEALED, UNSEALED),
        migrations.RunSQL(forward("reports_template"), backward("reports_template")),
    ]
