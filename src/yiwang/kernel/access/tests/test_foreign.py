"""Officers name databases of others; none of them may be the platform's own."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from yiwang.kernel.access import foreign
from yiwang.kernel.access.actors import Invalid


@pytest.mark.parametrize("host", ["db.example.gov.cn", "10.1.2.3", "fe80::1", "::1", "h"])
def test_主机名和地址可用(settings: Any, host: str) -> None:
    settings.OWN_DATABASE_IS_FOREIGN = False
    assert foreign.host_problem(host) == ""


@pytest.mark.parametrize(
    "host", ["", "/run/postgresql", "/var/lib", "@abstract", "a,b", "a b", "a=b", "-a", "机", "a" * 300]
)
def test_路径_多个主机和参数不可用(settings: Any, host: str) -> None:
    settings.OWN_DATABASE_IS_FOREIGN = False
    assert "套接字" in foreign.host_problem(host)


@pytest.mark.django_db(transaction=True)
def test_连到自己的库即拒绝_同一服务器的别的库可用(settings: Any, database_url: str) -> None:
    settings.OWN_DATABASE_IS_FOREIGN = False
    with psycopg.connect(database_url) as own, pytest.raises(Invalid, match="平台自己的数据库") as refused:
        foreign.refuse_own(own)
    assert list(refused.value.errors) == ["host"]
    with psycopg.connect(urlunsplit(urlsplit(database_url)._replace(path="/postgres"))) as other:
        foreign.refuse_own(other)
        assert other.execute("SELECT current_database()").fetchone() == ("postgres",)
