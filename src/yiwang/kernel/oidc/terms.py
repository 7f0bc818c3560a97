"""What both directions agree on: lifetimes, contexts of sealing, which addresses may be used."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings

from yiwang.kernel.crypto import keys, mac

CODE_LIFE, TOKEN_LIFE = timedelta(minutes=1), timedelta(minutes=5)
SECRET, PRIVATE = "oidc.client_secret", "oidc.signing_key"


SECRETS, SUBJECT = keys.lasting("oidc"), keys.lasting("oidc.subject")


def digest(secret: str) -> str:
    return mac(secret.encode(), SECRETS)


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def sound_address(address: str) -> bool:
    """https with a host and no fragment; plain http only for this machine, and never in production."""
    parts = urlsplit(address)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost") and not settings.PRODUCTION
    return (parts.scheme == "https" or local) and bool(parts.hostname) and not parts.fragment and "*" not in address
