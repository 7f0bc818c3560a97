"""The provider: authlib's authorization server over our rows. Discovery, keys, codes, tokens, claims, sign-out."""

import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin as ClientRules
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import OAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from yiwang.kernel.crypto import decrypt, lasting_mac, mac_matches
from yiwang.kernel.oidc import codes
from yiwang.kernel.oidc.models import AccessToken, Code, RelyingParty, SigningKey, State
from yiwang.kernel.oidc.terms import PRIVATE, SECRETS, SUBJECT, TOKEN_LIFE, digest, lines
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import serving

SCOPES = ("openid", "profile", "organisation")
ALGORITHMS = ["RS256", "ES256"]
TOKEN_SECONDS = int(TOKEN_LIFE.total_seconds())


def issuer(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


class Party(ClientRules):  # type: ignore[misc]
    """A relying party as authlib asks it."""

    def __init__(self, row: RelyingParty) -> None:
        self.row = row

    @property
    def client_id(self) -> str:
        return self.row.code

    def get_client_id(self) -> str:
        return self.row.code

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str | None:
        asked = [each for each in SCOPES if each in (scope or "").split()]
        return " ".join(asked) if "openid" in asked else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in lines(self.row.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        kept = self.row.secret_digest
        return bool(kept) and mac_matches(client_secret.encode(), kept, SECRETS)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Held:
    """A code as authlib asks it."""

    def __init__(self, row: Code) -> None:
        self.row, self.code_challenge, self.code_challenge_method = row, row.challenge, "S256"

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return self.row.scope

    def get_nonce(self) -> str:
        return self.row.nonce

    def get_auth_time(self) -> int:
        return int(self.row.signed_in_at.timestamp())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class Grant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        session = request.django.session
        codes.keep_code(
            code, party=request.client.row, account=request.user, redirect_uri=request.payload.redirect_uri,
            scope=request.scope, nonce=request.payload.data["nonce"], challenge=request.payload.data["code_challenge"],
            signed_in_at=session.loaded.started_at if session.loaded else timezone.now(),
        )  # fmt: skip

    def query_authorization_code(self, code: str, client: Party) -> Held | None:
        found = codes.take_code(code, client.row)
        return Held(found) if found is not None else None

    def delete_authorization_code(self, authorization_code: Held) -> None:
        codes.spend_code(authorization_code.row)

    def authenticate_user(self, authorization_code: Held) -> Account | None:
        account = authorization_code.row.account
        return account if codes.usable(account) else None


class Challenge(CodeChallenge):  # type: ignore[misc]
    """PKCE is not optional, and never plain."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Grant, redirect_uri: str) -> None:
        given = grant.request.payload.data
        if not given.get("code_challenge") or given.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge with method S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class Identity(OpenIDCode):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(require_nonce=True)

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return Code.objects.filter(party__code=request.payload.client_id, nonce=nonce).exists()

    def get_client_algorithm(self, client: Party) -> str:
        return client.row.algorithm

    def get_encode_header(self, client: Party) -> dict[str, str]:
        return {"alg": client.row.algorithm, "kid": _newest(client.row.algorithm).name, "typ": "JWT"}

    def resolve_client_private_key(self, client: Party) -> RSAKey | ECKey:
        return private_key(_newest(client.row.algorithm))

    def get_compatible_claims(self, request: OAuth2Request) -> dict[str, Any]:
        now = int(timezone.now().timestamp())
        return {
            "iss": issuer(request.django), "aud": [request.client.client_id], "iat": now, "exp": now + TOKEN_SECONDS,
        }  # fmt: skip

    def generate_user_info(self, user: Account, scope: str) -> UserInfo:
        # The id_token names the subject only; the rest is told by userinfo.
        return UserInfo(sub=subject(user, self._party))

    def encode_id_token(self, token: dict[str, Any], request: OAuth2Request) -> str:
        self._party = request.client.row
        return str(super().encode_id_token(token, request))


class Payload(OAuth2Payload):  # type: ignore[misc]
    """Parameters of a request; one given twice counts as all its values."""

    def __init__(self, request: HttpRequest) -> None:
        self._given = request.POST if request.method == "POST" else request.GET

    @property
    def data(self) -> dict[str, str]:
        return {name: str(values[-1]) for name, values in self._given.lists() if values}

    @property
    def datalist(self) -> dict[str, list[Any]]:
        return dict(self._given.lists())


class Asked(OAuth2Request):  # type: ignore[misc]
    def __init__(self, request: HttpRequest) -> None:
        # Transport is the site's own care (SECURE_SSL_REDIRECT); a demonstration runs over plain http on one machine.
        secure = f"https://{request.get_host()}{request.get_full_path()}"
        super().__init__(request.method, secure, headers=request.headers)
        self.payload, self.django = Payload(request), request

    @property
    def args(self) -> dict[str, str]:
        return self.django.GET.dict()

    @property
    def form(self) -> dict[str, str]:
        return self.django.POST.dict()


class Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(scopes_supported=SCOPES)
        self.register_token_generator(
            "default", BearerTokenGenerator(lambda **_: secrets.token_urlsafe(32), None, lambda *_: TOKEN_SECONDS)
        )
        self.register_grant(Grant, [Challenge(required=True), Identity()])

    def query_client(self, client_id: str) -> Party | None:
        found = RelyingParty.objects.filter(code=client_id, state=State.APPROVED).first()
        return Party(found) if found is not None else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        codes.keep_token(token["access_token"], request.authorization_code.row)

    def create_oauth2_request(self, request: HttpRequest | Asked) -> Asked:
        return request if isinstance(request, Asked) else Asked(request)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        return None

    def handle_response(self, status: int, body: Any, headers: Any) -> HttpResponse:
        text = json.dumps(body) if isinstance(body, dict) else body
        return HttpResponse(text, status=status, headers=dict(headers))


SERVER = Server()


def exchange(request: HttpRequest) -> HttpResponse:
    """The token endpoint: a code is spent, or refused, in one transaction."""
    with transaction.atomic():
        answer: HttpResponse = SERVER.create_token_response(request)
    return answer


def subject(account: Account, party: RelyingParty) -> str:
    """A pseudonym for each relying party: two of them cannot put their users together by it."""
    return lasting_mac(f"{party.pk}:{account.pk}".encode(), SUBJECT)


def claims(found: AccessToken) -> dict[str, Any]:
    """What userinfo tells: no telephone, no identity number, no e-mail."""
    account, scope = found.code.account, found.code.scope.split()
    told: dict[str, Any] = {"sub": subject(account, found.code.party)}
    if "profile" in scope:
        told |= {"name": account.person.name, "preferred_username": account.username}
    if "organisation" in scope:
        posts = serving().filter(person=account.person_id).select_related("post__organisation")
        told["posts"] = [
            {"organisation": each.post.organisation.code, "organisation_name": each.post.organisation.name,
             "post": each.post.name} for each in posts
        ]  # fmt: skip
    return told


def bearer(secret: str) -> AccessToken | None:
    found = (
        AccessToken.objects.select_related("code__party", "code__account__person")
        .filter(digest=digest(secret), revoked_at=None, expires_at__gt=timezone.now())
        .first()
    )
    if found is None or found.code.party.state != State.APPROVED or not codes.usable(found.code.account):
        return None
    return found


def discovery(request: HttpRequest) -> dict[str, Any]:
    base = issuer(request)
    return {
        "issuer": base, "authorization_endpoint": f"{base}/oidc/authorize/", "token_endpoint": f"{base}/oidc/token/",
        "userinfo_endpoint": f"{base}/oidc/userinfo/", "jwks_uri": f"{base}/oidc/jwks/",
        "end_session_endpoint": f"{base}/oidc/sign-out/", "response_types_supported": ["code"],
        "response_modes_supported": ["query"], "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ALGORITHMS,
        "scopes_supported": list(SCOPES), "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": ["sub", "name", "preferred_username", "posts"],
    }  # fmt: skip


def _newest(algorithm: str) -> SigningKey:
    return SigningKey.objects.filter(algorithm=algorithm).latest("pk")


def private_key(row: SigningKey) -> RSAKey | ECKey:
    kind = RSAKey if row.algorithm == "RS256" else ECKey
    return kind.import_key(decrypt(row.private, PRIVATE), {"kid": row.name, "alg": row.algorithm, "use": "sig"})


def public_keys() -> KeySet:
    return KeySet([private_key(row) for row in SigningKey.objects.order_by("pk")])


def party_of_hint(hint: str) -> RelyingParty | None:
    """Whom an id_token of ours was given to, expired or not."""
    try:
        told = jwt.decode(hint, public_keys(), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError):
        return None
    return RelyingParty.objects.filter(code__in=told.get("aud", []), state=State.APPROVED).first()


def may_return(party: RelyingParty | None, address: str) -> bool:
    return party is not None and bool(urlsplit(address).scheme) and address in lines(party.sign_out_uris)
