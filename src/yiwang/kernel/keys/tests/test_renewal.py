"""Renewal of the secret: every declared column is under the new one, and what was made under the old stays good."""

from typing import Any

import pytest
from django.db import connection, models

from yiwang.data.opendata.models import Dataset, Subscription
from yiwang.data.opendata.services import subscribing
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM
from yiwang.kernel.crypto import CryptoProblem, decrypt, encrypt, keys, lasting_mac, mac, mac_matches
from yiwang.kernel.crypto.fields import KeyedDigest, SealedText
from yiwang.kernel.files.services import renew_keys
from yiwang.kernel.keys import queries, services
from yiwang.kernel.keys.models import DerivedKey, Progress, forget
from yiwang.kernel.ledger import queries as ledgers
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.messages.models import ADDRESS, Delivery
from yiwang.kernel.messages.services import send
from yiwang.kernel.orgs.models import Organisation

pytestmark = pytest.mark.django_db
NEW = "the-new-secret-of-the-site"
PURPOSE = keys.lasting("keys.tests")


@pytest.fixture
def subscription() -> Subscription:
    unit = Organisation.objects.create(code="K1", name="数据局", path="/1/")
    dataset = Dataset.objects.create(
        resource_id=1, resource_code="1", name="keys", title="名录", description="说明", topic="credit", licence="open",
        organisation=unit,
    )  # fmt: skip
    subscribing.subscribe(ANONYMOUS, dataset, "reader@example.cn", "https://open.example.cn")
    return Subscription.objects.get()


@pytest.fixture(autouse=True)
def fresh() -> Any:
    forget()
    yield
    forget()


def exchanged(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [settings.SECRET_KEY]


def letters(count: int) -> list[Delivery]:
    for number in range(count):
        send("mail", f"reader{number}@example.cn", "标题", "内容", dedup=f"keys.tests:{number}")
    return list(Delivery.objects.order_by("pk"))


def test_换密钥后弃用旧的_密文照读_台账照核_校验码照认(settings: Any) -> None:
    letters(3)
    ledger.record(SYSTEM, "test.act", ("thing", 1))
    ledger.seal()
    services.keep_derived()
    proof, lasting = mac(b"code", PURPOSE), lasting_mac(b"row", PURPOSE)
    exchanged(settings)
    assert queries.behind()["messages_delivery.address"] == 3
    told: list[tuple[str, int]] = []
    renew_keys(lambda name, count: told.append((name, count)))
    assert ("messages_delivery.address", 3) in told
    assert queries.behind() == {} and services.renew() == 0
    settings.SECRET_KEY_FALLBACKS = []
    forget()
    assert sorted(each.clear_address for each in Delivery.objects.all()) == [f"reader{n}@example.cn" for n in range(3)]
    assert ledgers.verify() == []
    assert mac_matches(b"code", proof, PURPOSE) and not mac_matches(b"edoc", proof, PURPOSE)
    assert lasting_mac(b"row", PURPOSE) == lasting
    assert mac(b"row", PURPOSE) != lasting


def test_分批更换_中断后接着换_已换的不再动(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH", 2)
    letters(5)
    exchanged(settings)
    real, calls = services._replace, []

    def cut(column: Any, changes: Any) -> int:
        if column[0] is Delivery:
            calls.append(len(changes))
            if len(calls) == 2:
                raise KeyboardInterrupt
        return real(column, changes)

    monkeypatch.setattr(services, "_replace", cut)
    with pytest.raises(KeyboardInterrupt):
        services.renew()
    assert queries.behind()["messages_delivery.address"] == 3
    kept = set(Delivery.objects.values_list("address", flat=True))
    services.renew()
    assert calls == [2, 2, 2, 1] and queries.behind() == {}
    assert len(kept & set(Delivery.objects.values_list("address", flat=True))) == 2


def test_更换当中别人刚写的值不被旧值盖掉(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = letters(1)[0]
    exchanged(settings)
    real = services._replace

    def late(column: Any, changes: Any) -> int:
        if column[0] is Delivery:
            Delivery.objects.filter(pk=row.pk).update(address=encrypt("new@example.cn", ADDRESS))
        return real(column, changes)

    monkeypatch.setattr(services, "_replace", late)
    services.renew()
    row.refresh_from_db()
    assert row.clear_address == "new@example.cn"


def test_没有密钥能解的指名并不误其余(settings: Any) -> None:
    good, bad = letters(2)
    settings.SECRET_KEY_FALLBACKS = ["nobody-has-this"]
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "nobody-has-this"
    Delivery.objects.filter(pk=bad.pk).update(address=encrypt("x@example.cn", ADDRESS))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [old]
    with pytest.raises(CryptoProblem, match=f"1 个密文没有密钥能解开.*messages_delivery.address 第 {bad.pk} 行"):
        services.renew()
    settings.SECRET_KEY_FALLBACKS = []
    assert Delivery.objects.get(pk=good.pk).clear_address == "reader0@example.cn"


def test_查找用的校验码随密钥重算_重算前后都查得到(settings: Any, subscription: Subscription) -> None:
    before = (subscription.address_mac, subscription.token_mac)
    token = decrypt(subscription.token, subscribing.TOKEN).partition(" ")[2]
    exchanged(settings)
    assert subscribing.found(token) == subscription
    assert queries.behind()["opendata_subscription.token_mac"] == 1
    services.renew()
    subscription.refresh_from_db()
    assert not {subscription.address_mac, subscription.token_mac} & set(before)
    settings.SECRET_KEY_FALLBACKS = []
    forget()
    assert subscribing.found(token) == subscription
    assert Progress.objects.filter(finished_at__isnull=True).count() == 0
    services.renew()
    subscription.refresh_from_db()
    assert subscription.token_mac == mac(token.encode(), subscribing.TOKEN)


def test_派生密钥不含原密钥_也以密文存放(settings: Any) -> None:
    services.keep_derived()
    forget()
    assert DerivedKey.objects.filter(purpose=PURPOSE).count() == 1
    services.keep_derived()
    assert DerivedKey.objects.filter(purpose=PURPOSE).count() == 1
    row = DerivedKey.objects.get(purpose=PURPOSE)
    assert settings.SECRET_KEY not in row.sealed and keys.current(PURPOSE).hex() not in row.sealed
    settings.SECRET_KEY = "lost"
    forget()
    with pytest.raises(CryptoProblem, match="派生密钥无法打开"):
        lasting_mac(b"row", PURPOSE)
    with pytest.raises(LookupError):
        mac_matches(b"x", "y", "undeclared")


def test_声明不写进迁移() -> None:
    for field in (SealedText("密文", about="a"), KeyedDigest("校验码", max_length=64, remade="a:b")):
        _, path, _, kwargs = field.deconstruct()
        assert path in ("django.db.models.TextField", "django.db.models.CharField")
        assert not {"about", "remade", "related"} & kwargs.keys()


def test_每个登记的字段都在数据库里_名为密文的字段都已登记() -> None:
    declared = {queries.named(each) for each in (*queries.sealed_columns(), *queries.digest_columns())}
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name || '.' || column_name FROM information_schema.columns")
        assert declared <= {row[0] for row in cursor.fetchall()}
    said = {
        f"{model._meta.db_table}.{field.column}"
        for model in connection.introspection.installed_models(connection.introspection.table_names())
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and ("密文" in str(field.verbose_name) or str(field.help_text).startswith("密文"))
    }
    assert len(declared) >= 20 and said <= declared
