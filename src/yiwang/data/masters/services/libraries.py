"""库与设计版本。"""

import hashlib
import json
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from yiwang.data.masters.models import Design, Library
from yiwang.data.masters.services import designing
from yiwang.data.masters.terms import Entity
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.ledger.services import record
from yiwang.kernel.orgs.models import Organisation


def create_library(
    actor: Actor, *, code: str, name: str, kind: str, entity: str = Entity.NONE, description: str = "",
    organisation_id: int | None = None, is_demo: bool = False,
) -> Library:  # fmt: skip
    """A library without data; its lake table comes with the first build."""
    actor.require("masters.library", "add")
    owner = Organisation.objects.get(pk=organisation_id or actor.organisation_id or 0)
    with transaction.atomic():
        if Library.objects.filter(code=code).exists():
            raise Invalid(f"代码 {code} 已有库使用。请换一个代码。", errors={"code": ["代码已被使用。"]})
        made = Library(
            code=code, name=name, kind=kind, entity=entity, description=description, organisation=owner,
            table=f"masters-{code}", created_by_id=actor.person_id, is_demo=is_demo,
        )  # fmt: skip
        made.full_clean(exclude=["created_by"])
        made.save()
        record(
            actor,
            "masters.create_library",
            ("masters.library", made.pk),
            after={"code": code, "kind": kind, "entity": entity},
        )
    return made


def draft_design(actor: Actor, library_id: int, content: dict[str, Any], reason: str) -> Design:
    """The next version, checked against the sources as they are now. The same content again is the same version."""
    actor.require("masters.library", "design")
    library = (
        Library.objects.get(pk=library_id)
        if actor.system
        else doors.row(actor, "masters.library", library_id, "design")
    )
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    with transaction.atomic():
        Library.objects.select_for_update().get(pk=library.pk)
        latest = library.designs.order_by("-number").first()
        if latest is not None and latest.digest == digest:
            return latest
        number = (library.designs.aggregate(last=Max("number"))["last"] or 0) + 1
        made = Design(
            library=library, number=number, content=content, digest=digest, reason=reason, organisation=library.organisation,
            created_by_id=actor.person_id, is_demo=library.is_demo,
        )  # fmt: skip
        designing.check(made)
        made.save()
        record(
            actor,
            "masters.draft_design",
            ("masters.design", made.pk),
            after={"number": number, "digest": digest},
            reason=reason,
        )
    return made


def publish_design(actor: Actor, design_id: int) -> Design:
    """From now on builds follow this version; checked once more, because sources change."""
    actor.require("masters.library", "design")
    with transaction.atomic():
        held = Design.objects.select_for_update().select_related("library").get(pk=design_id)
        if not actor.system:
            doors.row(actor, "masters.library", held.library_id, "design")
        if held.published_at is not None:
            return held
        newer = held.library.designs.filter(published_at__isnull=False, number__gt=held.number).exists()
        if newer:
            raise Conflict("更新的版本已经发布，本版没有发布。请另起草一版。", rule="版本只进不退")
        designing.check(held)
        held.published_at = timezone.now()
        held.save(update_fields=["published_at", "updated_at"])
        record(actor, "masters.publish_design", ("masters.design", held.pk), after={"number": held.number})
    return held


def current_design(library: Library) -> Design:
    found = library.designs.filter(published_at__isnull=False).order_by("-number").first()
    if found is None:
        raise Refused(
            f"“{library.name}”还没有发布的设计，不能构建。请先发布设计。", rule=designing.RULE, code="no_design"
        )
    return found
