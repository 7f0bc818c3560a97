"""The session engine: Django's database sessions, with whose they are, so that they can be listed and ended.

The account and its person come with the session in one query.
"""

from datetime import datetime
from itertools import chain
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.utils import timezone

from yiwang.kernel.bulk.statements import Compiled
from yiwang.kernel.people.models import Account, Person, Session


def _names(model: type[Model], path: str = "") -> list[str]:
    return [f"{path}{field.attname}" for field in model._meta.concrete_fields]


# Every request asks this one; the account and its person may be absent.
_COLUMNS = (_names(Session), _names(Account, "account__"), _names(Person, "account__person__"))
_session_with = Compiled(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now).values_list(*chain(*_COLUMNS)),
    key=str, now=datetime,
)  # fmt: skip


def _found(key: str) -> Session | None:
    for row in _session_with(key=key, now=timezone.now()):
        own, rest = row[: len(_COLUMNS[0])], row[len(_COLUMNS[0]) :]
        found = Session.from_db(DEFAULT_DB_ALIAS, _names(Session), own)
        if found.account_id is not None:
            found.account = Account.from_db(DEFAULT_DB_ALIAS, _names(Account), rest[: len(_COLUMNS[1])])
            found.account.person = Person.from_db(DEFAULT_DB_ALIAS, _names(Person), rest[len(_COLUMNS[1]) :])
        return found
    return None


class SessionStore(DatabaseStore):
    loaded: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        found = _found(self.session_key or "")
        if found is None:
            self._session_key = None
        self.loaded = found
        return found

    def account(self) -> Account | None:
        """The account this session belongs to, as loaded; None for a visitor."""
        known = self.get(SESSION_KEY)
        if known is None or self.loaded is None or self.loaded.account is None:
            return None
        return self.loaded.account if str(self.loaded.account_id) == str(known) else None

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        now = timezone.now()
        started = data.get("started_at")
        return Session(
            session_key=self._get_or_create_session_key(),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            account_id=data.get(SESSION_KEY),
            address=data.get("address", ""),
            agent=data.get("agent", "")[:200],
            started_at=datetime.fromisoformat(started) if started else now,
            seen_at=now,
        )
