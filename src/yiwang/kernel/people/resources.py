"""What may be given permission on in this room."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.people.models import Account, Appointment, Delegation, Person

SERVES_IN = "appointments__post__organisation"
PERSON = register_resource(Resource("people.person", "人员", Person, organisation=SERVES_IN, owner="pk", many=True))
ACCOUNT = register_resource(
    Resource("people.account", "账号", Account, organisation=f"person__{SERVES_IN}", owner="person", many=True)
)
APPOINTMENT = register_resource(
    Resource("people.appointment", "任职", Appointment, organisation="post__organisation", owner="person")
)
DELEGATION = register_resource(
    Resource("people.delegation", "代理", Delegation, organisation="post__organisation", owner="principal")
)
ADMINISTRATOR = register_resource(
    Resource("access.administrator", "管理员任职", Appointment, organisation="post__organisation", owner=None)
)
