from django.db import migrations

FORWARD = """
CREATE FUNCTION clocks_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER clocks_segment_append_only BEFORE UPDATE OR DELETE ON clocks_clocksegment
    FOR EACH ROW EXECUTE FUNCTION clocks_refuse_change('计时事实只增不改');
"""
BACKWARD = """
DROP TRIGGER clocks_segment_append_only ON clocks_clocksegment;
DROP FUNCTION clocks_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("clocks", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
