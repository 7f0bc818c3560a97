"""Every token in the demonstration city's database lies in a declared column, and survives two renewals of the secret."""

from typing import Any

import pytest
from django.db import connection

from tests.architecture.measured import city as city
from yiwang.data.masters.models import GoldenRecord, Library
from yiwang.data.masters.services.grouping import search_mac
from yiwang.data.protection.models import PersonRequest
from yiwang.kernel.crypto import ciphers, decrypt, keys, mac
from yiwang.kernel.keys import queries, services
from yiwang.kernel.keys.models import DerivedKey, forget

pytestmark = pytest.mark.django_db
TEXTS = """
SELECT c.table_schema, c.table_name, c.column_name FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema') AND t.table_type = 'BASE TABLE'
AND (c.data_type IN ('text', 'character varying', 'jsonb', 'json') OR c.data_type = 'ARRAY')
"""


def columns_with(text: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(TEXTS)
        found = set()
        for schema, table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM "{schema}"."{table}" WHERE "{column}"::text LIKE %s)',  # noqa: S608
                [f"%{text}%"],
            )
            if cursor.fetchone()[0]:
                found.add(f"{table}.{column}")
    return found


def everything() -> dict[str, list[tuple[Any, str]]]:
    """{column: [(pk, plain text)]} of all declared columns, opened under the contexts they declare."""
    return {
        queries.named((model, field)): [
            (pk, decrypt(token, field.about))
            for pk, token in model._base_manager.exclude(**{field.name: ""})
            .order_by("pk")
            .values_list("pk", field.name)
        ]
        for model, field in queries.sealed_columns()
        if model is not DerivedKey  # grows with every secret
    }


def test_库中密文都在登记的字段里_换钥弃旧后全部可读_查找照中(city: None, settings: Any) -> None:
    forget()
    declared = {queries.named(each) for each in queries.sealed_columns()}
    used = columns_with(f"{ciphers.VERSION}.")
    assert len(used) >= 6 and used <= declared, used - declared
    before = everything()
    first = settings.SECRET_KEY
    old = keys.identifier(keys.current("encrypt"))
    services.keep_derived()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the-second-secret-of-the-site", [first]
    assert services.renew() > 100
    settings.SECRET_KEY_FALLBACKS = []
    forget()
    assert everything() == before and queries.behind() == {}
    assert not columns_with(f"{ciphers.VERSION}.{old}.")
    golden = GoldenRecord.objects.exclude(number_mac="").exclude(sealed="").select_related("library").first()
    assert golden is not None and Library.objects.filter(pk=golden.library_id).exists()
    values = [text for _, text in before["masters_goldenrecord.sealed"]]
    assert any(
        golden.number_mac == search_mac(golden.library_id, "number", each) for text in values for each in _strings(text)
    )
    asked = PersonRequest.objects.first()
    if asked is not None:
        assert asked.id_mac == mac(
            decrypt(asked.id_number, "protection.person.id_number").encode(), "protection.person.id_number"
        )
    forget()


def _strings(text: str) -> list[str]:
    return [each for each in text.split('"') if each.strip()]
