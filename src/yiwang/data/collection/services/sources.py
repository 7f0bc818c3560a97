"""来源：登记、修改、口令、前置库的库表与账号。"""

import re
import secrets
from typing import Any

from django.db import connection, transaction
from psycopg import sql
from psycopg.errors import DuplicateObject, InsufficientPrivilege

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import Source
from yiwang.data.collection.services.adapters import basics
from yiwang.kernel.access import foreign
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto.ciphers import encrypt
from yiwang.kernel.ledger.services import record

EDITABLE = (
    "name", "mode", "partition", "from_above", "active", "auto_publish", "least_valid", "most_change", "driver", "host",
    "port", "database", "username", "encryption", "authority", "query", "cursor_item", "every_minutes",
)  # fmt: skip
MARKS = ("batch", "committed_at")
Way, SECRET = terms.Way, terms.SECRET


def _problems(source: Source, facts: catalog.ResourceFacts) -> dict[str, list[str]]:
    names = {item.name for item in facts.items}
    found: dict[str, list[str]] = {}
    if not 0 <= source.least_valid <= 100:
        found["least_valid"] = ["应在 0 到 100 之间。"]
    if source.mode == terms.Mode.PARTITION and source.partition not in names:
        found["partition"] = ["按分区全量须填一个信息项的英文名。"]
    if source.mode == terms.Mode.INCREMENTAL and not facts.key:
        found["mode"] = ["该资源的目录没有主键，不能增量合并；请用全量，或先在目录中标明主键。"]
    if source.cursor_item and source.cursor_item not in names:
        found["cursor_item"] = ["不是该资源的信息项。"]
    if source.way == Way.PULL:
        found |= {
            name: ["抽取须填写。"] for name in ("driver", "host", "database", "username") if not getattr(source, name)
        }
        if source.host and (problem := foreign.host_problem(source.host)):
            found["host"] = [problem]
        if problem := basics.authority_problem(source.authority):
            found["authority"] = [problem]
        if problem := basics.query_problem(source.query, cursor=bool(source.cursor_item)):
            found["query"] = [problem]
    if not 1 <= source.every_minutes <= 7 * 24 * 60:
        found["every_minutes"] = ["应在 1 分钟到 7 天之间。"]
    return found


@transaction.atomic
def create_source(
    actor: Actor, resource_id: int, way: str, *, password: str = "", start: str = "", is_demo: bool = False, **values: Any
) -> Source:  # fmt: skip
    """Declare a way in for a published resource; for drops and landings its folder or schema name is given here.

    `start`: the position after which a first incremental pull reads.
    """
    actor.require(queries.SOURCE, "add")
    facts = catalog.resource(actor, resource_id)
    queries.require_delivery(actor, facts.organisation_id)
    source = Source(
        resource_id=facts.id, resource_code=facts.code, resource_name=facts.name, way=way, organisation_id=facts.organisation_id,
        created_by_id=actor.person_id, is_demo=is_demo, cursor=start.strip(), name=values.pop("name", "") or f"{facts.name}·{Way(way).label}",
        **{name: value for name, value in values.items() if name in EDITABLE},
    )  # fmt: skip
    if problems := _problems(source, facts):
        raise Invalid("来源没有保存，请改正标出的各项。", errors=problems)
    if Source.objects.filter(resource_id=facts.id, way=way, name=source.name).exists():
        raise Conflict(f"该资源已有名为“{source.name}”的来源，没有新建。请换一个名称。")
    if password:
        source.secret = encrypt(password, SECRET)
    source.save()
    if way in (Way.DROP, Way.LANDING):
        mark = f"r{facts.id}_{source.pk}"
        source.folder, source.landing = (mark, "") if way == Way.DROP else ("", f"landing_{facts.organisation_id}")
        source.save(update_fields=["folder", "landing"])
    record(actor, "collection.source.created", (queries.SOURCE, source.pk), after={"way": way, "resource": facts.code},
           organisation_id=facts.organisation_id)  # fmt: skip
    return source


@transaction.atomic
def change_source(actor: Actor, source_id: int, *, password: str = "", **values: Any) -> Source:
    found = queries.sources(actor, "change").select_for_update(of=("self",)).filter(pk=source_id).first()
    if found is None:
        raise Refused("没有找到该来源，或它不在您的数据范围内。", rule="数据范围", code="absent")
    before = {name: str(getattr(found, name)) for name in EDITABLE}
    for name in EDITABLE:
        if name in values:
            setattr(found, name, values[name])
    if problems := _problems(found, catalog.resource(SYSTEM, found.resource_id)):
        raise Invalid("来源没有保存，请改正标出的各项。", errors=problems)
    if password:
        found.secret = encrypt(password, SECRET)
    found.version += 1
    found.save()
    after = {name: str(getattr(found, name)) for name in EDITABLE}
    record(
        actor, "collection.source.changed", (queries.SOURCE, found.pk), organisation_id=found.organisation_id,
        before={name: before[name] for name in before if before[name] != after[name]},
        after={name: after[name] for name in after if before[name] != after[name]},
    )  # fmt: skip
    return found


def upload_source(actor: Actor, resource_id: int) -> Source:
    """The page's own way in; declared by the first upload, with the usual thresholds."""
    facts = catalog.resource(actor, resource_id)
    queries.require_delivery(actor, facts.organisation_id)
    known = Source.objects.filter(resource_id=facts.id, way=Way.UPLOAD).order_by("pk").first()
    if known is not None:
        return known
    found, _ = Source.objects.get_or_create(
        resource_id=facts.id, way=Way.UPLOAD, name=f"{facts.name}·{Way.UPLOAD.label}"[:120],
        defaults={"resource_code": facts.code, "resource_name": facts.name, "organisation_id": facts.organisation_id,
                  "created_by_id": actor.person_id, "is_demo": facts.is_demo},
    )  # fmt: skip
    return found


def landing_table(source: Source) -> str:
    return re.sub(r"[^a-z0-9_]", "_", f"r_{source.resource_id}")


def open_landing(actor: Actor, source_id: int) -> tuple[str, str]:
    """Make (or make up to date) the department's landing schema and give its role a new password: (role, password).

    The role may write into its own tables and read nothing else. The password is shown once and kept nowhere.
    """
    source: Source = queries.sources(actor, "change").get(pk=source_id, way=Way.LANDING)
    facts = catalog.resource(SYSTEM, source.resource_id)
    role, password = source.landing, secrets.token_urlsafe(18)
    statements = [*_landing_statements(source, facts), *_role_statements(role, landing_table(source), password)]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            try:
                with transaction.atomic():
                    cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            except DuplicateObject:
                pass  # the department's other resources use it already
            for statement in statements:
                cursor.execute(statement)
            record(actor, "collection.landing.opened", (queries.SOURCE, source.pk), after={"role": role})
    except InsufficientPrivilege as error:
        raise Refused(
            "平台的数据库账号没有建账号的权限，前置库没有开通。请数据库管理员授予 CREATEROLE 后重试，见《运维手册》前置库一节。",
            rule="前置库账号由数据库管理",
        ) from error
    return role, password


def _landing_statements(source: Source, facts: catalog.ResourceFacts) -> list[sql.Composed]:
    schema, table = sql.Identifier(source.landing), sql.Identifier(source.landing, landing_table(source))
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(item.name)) for item in facts.items)
    return [
        sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema),
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (batch text NOT NULL, {})").format(table, columns),
        *(
            sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} text").format(table, sql.Identifier(item.name))
            for item in facts.items
        ),
        sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} (batch)").format(
            sql.Identifier(f"{landing_table(source)}_batch"), table
        ),
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (resource text NOT NULL, batch text NOT NULL, rows bigint NOT NULL, "
            "committed_at timestamptz NOT NULL DEFAULT now(), taken_at timestamptz, package text, verdict text, "
            "PRIMARY KEY (resource, batch))"
        ).format(sql.Identifier(source.landing, "batches")),
    ]


def _role_statements(role: str, table: str, password: str) -> list[sql.Composed]:
    name, batches = sql.Identifier(role), sql.Identifier(role, "batches")
    return [
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(name, name),
        sql.SQL("GRANT INSERT, SELECT, DELETE ON {} TO {}").format(sql.Identifier(role, table), name),
        sql.SQL("GRANT SELECT, INSERT (resource, batch, rows) ON {} TO {}").format(batches, name),
    ]


@transaction.atomic
def reposition(actor: Actor, source_id: int, position: str, reason: str) -> Source:
    """Let the next incremental pull read after `position`: rows of a package that was refused are read once more."""
    found = queries.sources(actor, "change").select_for_update(of=("self",)).filter(pk=source_id).first()
    if found is None:
        raise Refused("没有找到该来源，或它不在您的数据范围内。", rule="数据范围", code="absent")
    if found.way != Way.PULL or not found.cursor_item:
        raise Conflict("只有按增量字段抽取的来源有读取位置，没有改动。", rule=basics.RULE)
    if len(position := position.strip()) > 120 or "\x00" in position:
        raise Invalid("读取位置应在 120 个字以内，没有改动。", errors={"position": ["应在 120 个字以内。"]})
    if not reason.strip():
        raise Invalid("请写明改动读取位置的理由。", errors={"reason": ["必填"]})
    before, found.cursor, found.swept_at = found.cursor, position, None
    found.version += 1
    found.save()
    record(
        actor, "collection.source.repositioned", (queries.SOURCE, found.pk), organisation_id=found.organisation_id,
        before={"cursor": before}, after={"cursor": position}, reason=reason.strip(),
    )  # fmt: skip
    return found


def sweep_soon(actor: Actor, source_id: int) -> None:
    """Let the next round look at this way in, whatever its interval."""
    found = queries.sources(actor, "change").filter(pk=source_id)
    if not found.update(swept_at=None):
        raise Refused("没有找到该来源，或它不在您的数据范围内。", rule="数据范围", code="absent")
