"""What the system administrator proposes and the security administrator decides; the same rows, two resources each."""

from typing import Any

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.oidc.models import IdentityLink, IdentityProvider, RelyingParty

PROPOSING = (("view", "查看"), ("add", "提出"), ("change", "修改"), ("end", "停用"))
DECIDING = (("view", "查看"), ("decide", "批准"), ("end", "停用"))
NAMES: dict[type[Any], str] = {
    RelyingParty: "relying_party",
    IdentityProvider: "identity_provider",
    IdentityLink: "identity_link",
}


def _pair(model: type[Any]) -> tuple[Resource, Resource]:
    name, label = NAMES[model], str(model._meta.verbose_name)
    return (
        register_resource(Resource(f"people.{name}", label, model, organisation=None, owner=None, verbs=PROPOSING)),
        register_resource(
            Resource(f"access.{name}", f"{label}批准", model, organisation=None, owner=None, verbs=DECIDING)
        ),
    )


PAIRS = {model: _pair(model) for model in NAMES}
