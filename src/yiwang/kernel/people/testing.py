"""A small town for tests: organisations, posts, people with accounts, and the three administrators."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.roles import KERNEL_ROLES, RoleSpec
from yiwang.kernel.access.services import declare, hold_role
from yiwang.kernel.access.terms import Duty, Scope
from yiwang.kernel.orgs.models import Organisation, Post
from yiwang.kernel.orgs.services import create_organisation, create_post
from yiwang.kernel.people.models import Account, Person
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import appoint, create_account, create_person

PASSWORD = "Long-Enough-2026"  # noqa: S105 - of test people
LONG_AGO = date(2020, 1, 1)


@dataclass
class Town:
    """Built through the public verbs; every name is given by the test that uses it."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)

    def organisation(self, name: str, under: str = "") -> Organisation:
        if name not in self.organisations:
            parent = self.organisations[under].pk if under else None
            code = f"ORG{Organisation.objects.count() + 1:03}"
            self.organisations[name] = create_organisation(SYSTEM, code=code, name=name, parent_id=parent)
        return self.organisations[name]

    def post(self, organisation: str, name: str, *roles: str, duty: Duty = Duty.BUSINESS) -> Post:
        key = f"{organisation}{name}"
        if key not in self.posts:
            owner = self.organisation(organisation)
            made = create_post(SYSTEM, owner.pk, code=f"P{len(self.posts) + 1}", name=name, duty=duty)
            for code in roles:
                role = Role.objects.get(code=code)
                hold_role(SYSTEM, role.pk, made.pk, valid_from=LONG_AGO, reason="测试")
            self.posts[key] = made
        return self.posts[key]

    def person(self, name: str, *posts: Post) -> Person:
        number = f"N{Person.objects.count() + 1:04}"
        made = create_person(SYSTEM, name=name, staff_number=number)
        for post in posts:
            appoint(SYSTEM, made.pk, post.pk, valid_from=LONG_AGO)
        return made

    def account(self, name: str, *posts: Post) -> Account:
        person = self.person(name, *posts)
        username = f"user{person.pk}"
        return create_account(SYSTEM, person.pk, username=username, password=PASSWORD, must_change=False)

    def actor(self, name: str, *posts: Post) -> Actor:
        return actor_of(self.account(name, *posts))

    def actor_with(self, name: str, post: Post, duty: Duty, grants: Iterable[tuple[str, str, Scope]]) -> Actor:
        """Somebody on `post` whose role has exactly these grants."""
        role = declare(SYSTEM, RoleSpec(f"role-{post.pk}", name, tuple(grants), duty), "test")
        hold_role(SYSTEM, role.pk, post.pk, valid_from=LONG_AGO, reason="测试")
        return self.actor(name, post)

    def role(self, code: str, *grants: tuple[str, str, Scope]) -> str:
        declare(SYSTEM, RoleSpec(code, code, grants), "test")
        return code

    def administrators(self) -> dict[Duty, Account]:
        """One account of each of the three."""
        self.organisation("数据局")
        found = {}
        for spec in KERNEL_ROLES:
            declare(SYSTEM, spec, "kernel")
            post = self.post("数据局", spec.name, spec.code, duty=spec.duty)
            found[spec.duty] = self.account(spec.name, post)
        return found
