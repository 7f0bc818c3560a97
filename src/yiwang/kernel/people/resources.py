"""What may be given permission on in this room."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.people.models import Account, AdministratorAppointment, Appointment, Delegation, Person

PERSON = register_resource(
    Resource("people.person", "人员", Person, owner="pk", verbs=(*Resource.verbs, ("unmask", "查看明文")))
)
ACCOUNT = register_resource(
    Resource("people.account", "账号", Account, organisation="person__organisation", owner="person")
)
APPOINTMENT = register_resource(
    Resource("people.appointment", "任职", Appointment, organisation="post__organisation", owner="person")
)
DELEGATION = register_resource(
    Resource("people.delegation", "代理", Delegation, organisation="post__organisation", owner="principal")
)
ADMINISTRATOR = register_resource(
    Resource(
        "access.administrator", "管理员任职", AdministratorAppointment, organisation="post__organisation", owner=None
    )
)
