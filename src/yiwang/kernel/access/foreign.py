"""Databases of others that officers name: never a way into the platform's own.

A path as host is a socket of this machine, where the system vouches for the platform's account and no password is
asked: whoever may name a source could read accounts and every person's data past all scopes.
"""

import re
from typing import Any

from django.conf import settings
from django.db import connection

from yiwang.kernel.access.actors import Invalid

RULE = "外部数据库不得是平台自己的库"
HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}")
WHERE = "SELECT pg_postmaster_start_time(), current_database()"


def host_problem(host: str) -> str:
    """Why a host is not accepted; empty when it is a name or an address on the network."""
    if settings.OWN_DATABASE_IS_FOREIGN or HOST.fullmatch(host):
        return ""
    return "须是主机名或 IP 地址，不能是本机的套接字路径，也不能一次写几个。"


def refuse_own(opened: Any) -> None:
    """`opened`: a psycopg connection just made for an officer. Refused when it leads into the platform's database."""
    if settings.OWN_DATABASE_IS_FOREIGN:
        return
    with connection.cursor() as cursor:
        cursor.execute(WHERE)
        own = cursor.fetchone()
    if opened.execute(WHERE).fetchone() == own:
        said = "所填地址就是平台自己的数据库，没有连接。请填写部门一侧的数据库。"
        raise Invalid(said, errors={"host": [said]}, rule=RULE)
