from django.db import migrations

FORWARD = """
CREATE FUNCTION calendar_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '已发布的日历不能修改，请发布新版本' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER calendar_version_append_only BEFORE UPDATE OR DELETE ON calendar_calendarversion
    FOR EACH ROW EXECUTE FUNCTION calendar_refuse_change();
CREATE TRIGGER calendar_day_append_only BEFORE UPDATE OR DELETE ON calendar_calendarday
    FOR EACH ROW EXECUTE FUNCTION calendar_refuse_change();
"""
BACKWARD = """
DROP TRIGGER calendar_day_append_only ON calendar_calendarday;
DROP TRIGGER calendar_version_append_only ON calendar_calendarversion;
DROP FUNCTION calendar_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("calendar", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
