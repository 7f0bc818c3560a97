"""Roles as declarations: what a module brings, and the three separated administrators."""

from dataclasses import dataclass

from yiwang.kernel.access.terms import Duty, Scope


@dataclass(frozen=True)
class RoleSpec:
    """A role a module declares: grants are (resource, verb, scope)."""

    code: str
    name: str
    grants: tuple[tuple[str, str, Scope], ...]
    duty: Duty = Duty.BUSINESS


def _all(resource: str, *verbs: str) -> tuple[tuple[str, str, Scope], ...]:
    return tuple((resource, verb, Scope.ALL) for verb in verbs)


SYSTEM_ADMINISTRATOR = RoleSpec(
    "system_administrator",
    "系统管理员",
    (
        *_all("orgs.organisation", "view", "add", "change", "export", "import"),
        *_all("orgs.post", "view", "add", "change", "export", "import"),
        *_all("people.person", "view", "add", "change", "export", "import", "unmask"),
        *_all("people.account", "view", "add", "change", "export"),
        *_all("people.appointment", "view", "add", "change", "export", "import"),
        *_all("people.delegation", "view", "export"),
        *_all("people.relying_party", "view", "add", "change", "end"),
        *_all("people.identity_provider", "view", "add", "change", "end"),
        *_all("people.identity_link", "view", "add", "change", "end"),
        *_all("jobs.job", "view", "change"),
        *_all("jobs.parked_timer", "view", "retry"),
        *_all("jobs.parked_message", "view", "retry"),
        *_all("calendar.version", "view", "publish"),
    ),
    Duty.SYSTEM,
)
SECURITY_ADMINISTRATOR = RoleSpec(
    "security_administrator",
    "安全管理员",
    (
        *_all("access.role", "view", "add", "change", "export"),
        *_all("access.grant", "view", "add", "change", "export"),
        *_all("access.holding", "view", "add", "change", "export"),
        *_all("access.administrator", "view", "add", "change"),
        *_all("access.relying_party", "view", "decide", "end"),
        *_all("access.identity_provider", "view", "decide", "end"),
        *_all("access.identity_link", "view", "decide", "end"),
        *_all("access.token", "view", "export", "revoke"),
        *_all("orgs.organisation", "view"),
        *_all("orgs.post", "view"),
        *_all("people.person", "view"),
        *_all("people.account", "view"),
        *_all("people.appointment", "view"),
    ),
    Duty.SECURITY,
)
AUDIT_ADMINISTRATOR = RoleSpec(
    "audit_administrator",
    "审计管理员",
    (
        *_all("ledger.entry", "view", "export"),
        *_all("access.role", "view"),
        *_all("access.grant", "view"),
        *_all("access.holding", "view"),
        *_all("orgs.organisation", "view"),
        *_all("orgs.post", "view"),
        *_all("people.person", "view"),
        *_all("people.account", "view"),
    ),
    Duty.AUDIT,
)
KERNEL_ROLES = (SYSTEM_ADMINISTRATOR, SECURITY_ADMINISTRATOR, AUDIT_ADMINISTRATOR)
