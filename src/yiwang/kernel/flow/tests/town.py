"""A small town to run flows in: organisations, posts, people, roles. Every town has its own codes."""

import uuid
from dataclasses import dataclass, field, replace
from datetime import date

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.models import Role, RoleHolding
from yiwang.kernel.flow.definitions import Flow
from yiwang.kernel.flow.models import FlowVersion
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.orgs.models import Organisation, Post
from yiwang.kernel.people.models import Appointment, Person

LONG_AGO = date(2010, 1, 1)


@dataclass
class Town:
    mark: str
    organisations: dict[str, Organisation] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)

    def role(self, code: str) -> str:
        return f"{code}-{self.mark}"

    def organisation(self, code: str, above: str = "") -> Organisation:
        parent = self.organisations.get(above)
        made = Organisation.objects.create(code=f"{code}-{self.mark}", name=code, parent=parent, path="")
        made.path = f"{parent.path if parent else '/'}{made.pk}/"
        made.save()
        self.organisations[code] = made
        return made

    def post(self, code: str, organisation: str, *roles: str, head: bool = False, staffed: bool = True) -> Actor | None:
        """A post and a person of the same name on it."""
        post = Post.objects.create(organisation=self.organisations[organisation], code=code, name=code, is_head=head)
        self.posts[code] = post
        for role in roles:
            held, _ = Role.objects.get_or_create(code=self.role(role), defaults={"name": role})
            RoleHolding.objects.create(role=held, post=post, valid_from=LONG_AGO)
        return self.person(code, code) if staffed else None

    def person(self, name: str, *posts: str) -> Actor:
        person = Person.objects.create(name=name, staff_number=f"{name}-{self.mark}"[:32])
        for code in posts:
            Appointment.objects.create(person=person, post=self.posts[code], valid_from=LONG_AGO)
        first = self.posts[posts[0]]
        self.actors[name] = Actor(
            person_id=person.pk, account_id=None, name=name, post_ids=tuple(self.posts[c].pk for c in posts),
            primary_post_id=first.pk, organisation_id=first.organisation_id,
            organisation_path=first.organisation.path,
        )  # fmt: skip
        return self.actors[name]

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]

    def at(self, code: str) -> int:
        return self.posts[code].pk

    def unit(self, code: str) -> int:
        return self.organisations[code].pk

    def publish(self, flow: Flow) -> FlowVersion:
        """Publish a flow under codes of this town, so that towns with real commits don't meet."""
        stages = tuple(
            replace(stage, assign=replace(stage.assign, role=self.role(stage.assign.role) if stage.assign.role else ""))
            for stage in flow.stages
        )
        operations = tuple(
            replace(item, who=tuple(self.role(who) if who.startswith("role:") else who for who in item.who))
            for item in flow.operations
        )
        operator = self.role(flow.operator_role) if flow.operator_role else ""
        return publish(
            replace(flow, code=self.role(flow.code), stages=stages, operations=operations, operator_role=operator)
        )


def build() -> Town:
    """A government with a service centre and three bureaus."""
    town = Town(uuid.uuid4().hex[:8])
    town.organisation("gov")
    for code in ("centre", "water", "roads", "police"):
        town.organisation(code, "gov")
    town.post("mayor", "gov", "leader", head=True)
    town.post("operator", "centre", "operator")
    town.post("operator2", "centre", "operator")
    town.post("centre_head", "centre", "arbiter", head=True)
    for unit in ("water", "roads", "police"):
        town.post(f"{unit}_head", unit, "reviewer", head=True)
        for number in (1, 2, 3):
            town.post(f"{unit}{number}", unit, "handler")
    return town
