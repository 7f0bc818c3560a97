"""别人的数据库怎样读：只读、限时、逐批。别的数据库照 Adapter 的约定加一个。"""

from yiwang.data.collection.services.adapters import mysql, postgresql
from yiwang.data.collection.services.adapters.basics import Adapter
from yiwang.data.collection.terms import Driver

ADAPTERS: dict[str, Adapter] = {Driver.POSTGRESQL: postgresql.opened, Driver.MYSQL: mysql.opened}
