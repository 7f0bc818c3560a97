"""Tables of values by which fields are rewritten hold what the data hold, so they are sealed as the data are.

The repairs of a published set stay as they are but for the token, which a renewed key or a lawful deletion replaces.
"""

import json
from typing import Any

from django.db import migrations, models

from yiwang.kernel.crypto import decrypt, encrypt

VALUES = "governance.repair.values"
BODY = """
CREATE OR REPLACE FUNCTION governance_published() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    {exception}
    SELECT state INTO found FROM governance_ruleset
    WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.rule_set_id ELSE OLD.rule_set_id END;
    IF found IS DISTINCT FROM 'draft' THEN
        RAISE EXCEPTION 'rules of a published set do not change';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""
TOKEN = """
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'governance_repair' AND to_jsonb(NEW) - 'values' = to_jsonb(OLD) - 'values' THEN
        RETURN NEW;
    END IF;
"""


def seal(apps: Any, schema_editor: Any) -> None:
    repairs, proposals = apps.get_model("governance", "Repair"), apps.get_model("governance", "Proposal")
    for each in repairs.objects.iterator(chunk_size=500):
        values = "" if each.values in ("", "[]") else encrypt(each.values, VALUES)
        repairs.objects.filter(pk=each.pk).update(values=values)
    for each in proposals.objects.filter(template="mend").iterator(chunk_size=500):
        listed = each.evidence.get("values")
        if isinstance(listed, list):
            rows = [[*row.get("where", []), row["old"], row["new"], row["cells"]] for row in listed]
            proposals.objects.filter(pk=each.pk).update(
                values=encrypt(json.dumps(rows, ensure_ascii=False), VALUES), evidence={**each.evidence, "values": len(rows)}
            )  # fmt: skip


def unseal(apps: Any, schema_editor: Any) -> None:
    repairs, proposals = apps.get_model("governance", "Repair"), apps.get_model("governance", "Proposal")
    for each in repairs.objects.iterator(chunk_size=500):
        repairs.objects.filter(pk=each.pk).update(values=decrypt(each.values, VALUES) if each.values else "[]")
    for each in proposals.objects.exclude(values="").iterator(chunk_size=500):
        rows = [
            {"where": where, "old": old, "new": new, "cells": cells}
            for *where, old, new, cells in json.loads(decrypt(each.values, VALUES))
        ]
        proposals.objects.filter(pk=each.pk).update(evidence={**each.evidence, "values": rows})


class Migration(migrations.Migration):
    dependencies = [("governance", "0010_repair_values")]

    operations = [
        migrations.RunSQL(BODY.format(exception=TOKEN), BODY.format(exception="")),
        migrations.AlterField(
            model_name="repair", name="values",
            field=models.TextField(
                blank=True, default="", help_text="JSON：[对照字段的值…, 原值, 新值] 各项", verbose_name="对照表（密文）"
            ),
        ),
        migrations.AddField(
            model_name="proposal", name="values",
            field=models.TextField(
                blank=True, default="", help_text="JSON：[对照字段的值…, 原值, 新值, 格数] 各项", verbose_name="逐值修复（密文）"
            ),
        ),
        migrations.RunPython(seal, unseal),
    ]  # fmt: skip
