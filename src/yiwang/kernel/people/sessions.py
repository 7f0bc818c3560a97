"""The session engine: Django's database sessions, with whose they are, so that they can be listed and ended.

The account and its person come with the session in one query.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from yiwang.kernel.people.models import Account, Session


class SessionStore(DatabaseStore):
    loaded: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        found = (
            Session.objects.select_related("account__person")
            .filter(session_key=self.session_key, expire_date__gt=timezone.now())
            .first()
        )
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
