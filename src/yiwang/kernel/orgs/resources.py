"""What may be given permission on in this room."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.orgs.models import Organisation, Post

ORGANISATION = register_resource(Resource("orgs.organisation", "机构", Organisation, organisation="", owner=None))
POST = register_resource(Resource("orgs.post", "岗位", Post, owner=None))
