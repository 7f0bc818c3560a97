"""What the security administrator may be given permission on."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.access.models import Grant, Role, RoleHolding

ROLE = register_resource(Resource("access.role", "角色", Role, organisation=None, owner=None))
GRANT = register_resource(Resource("access.grant", "授权", Grant, organisation=None, owner=None))
HOLDING = register_resource(
    Resource("access.holding", "角色授予", RoleHolding, organisation="post__organisation", owner=None)
)
