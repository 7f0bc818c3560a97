"""What holds for every register that exists: nobody sees or does, on any door, what the scope does not give."""

import dataclasses
import io
import re
from datetime import date

import pytest
from django.db import connection
from django.db.models import UniqueConstraint
from django.forms.models import model_to_dict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from tests.architecture import rows
from yiwang.kernel.access.actors import Actor, Permission, Refused
from yiwang.kernel.access.doors import resources
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.files import queries as files
from yiwang.kernel.files import sheets
from yiwang.kernel.files.doors import readable
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.pages.menu import domains
from yiwang.kernel.people.models import Account
from yiwang.kernel.registers import exporting, importing, queries, services
from yiwang.kernel.registers.forms import candidates
from yiwang.kernel.registers.guards import snapshot
from yiwang.kernel.registers.importing import fields_of
from yiwang.kernel.registers.queries import Wish
from yiwang.kernel.registers.registry import all_registers, of_model

REGISTERS = sorted(all_registers(), key=lambda register: register.code)
every = pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.code)
written, entered = (
    pytest.mark.parametrize(
        "register", [each for each in REGISTERS if verbs & {*each.writes}], ids=lambda each: each.code
    )
    for verbs in ({"add", "change"}, {"add"})
)
QUERIES = 6
CODE = re.compile("[a-z]+_[a-z_]+")  # names of columns and constraints are no words


@pytest.fixture
def homes(db):
    root = rows.organisation("示例市")
    return rows.organisation("本单位", root), rows.organisation("旁单位", root)


def holder(register, home, verbs=None, scope=Scope.TREE):
    """An actor who holds the verbs (all by default) in `home`, also on what the register's pickers choose from."""
    person = rows.person()
    account = Account.objects.create(username=person.staff_number, person=person)
    permission = (Permission(scope, home.pk, home.path),)
    held = {(register.guard.code, verb): permission for verb in verbs or [code for code, _ in all_verbs(register)]}
    return Actor(person_id=person.pk, account_id=account.pk, name=person.name, organisation_id=home.pk,
                 organisation_path=home.path, permissions=held)  # fmt: skip


def all_verbs(register):
    extra = [(action.permission, action.name) for action in register.actions]
    return [*register.guard.verbs, *extra, ("view", ""), ("add", ""), ("change", ""), ("export", ""), ("import", "")]


def insider(register, home):
    """Who sees the row: in scope, or with the widest scope where no organisation leads to the row."""
    return holder(register, home, scope=Scope.ALL if register.guard.organisation is None else Scope.TREE)


@every
def test_每列每项都有中文名(register):
    for bound in queries.offered_columns(register).values():
        assert bound.label and bound.label != bound.name, bound.name
    for item in register.bound_filters:
        assert item.label and item.label != item.name, item.name
    assert register.name and all(action.name for action in register.actions)


@every
def test_未登录者一扇门也进不去(register, homes):
    row = rows.make(register.model, homes[0])
    client = Client()
    doors = ["", f"{row.pk}/", "export/", "import/", "new/", f"{row.pk}/change/"]
    doors += [f"{row.pk}/act/{action.code}/" for action in register.actions]
    for door in doors:
        assert client.get(f"/r/{register.code}/{door}").status_code in (302, 404), door
        assert client.post(f"/r/{register.code}/{door}").status_code in (302, 403, 404), door
    for door in ("", f"{row.pk}"):
        assert client.get(f"/api/r/{register.code}/{door}").status_code in (401, 404), door


@every
def test_范围之外一行也看不到(register, homes):
    row = rows.make(register.model, homes[0])
    stranger, one = holder(register, homes[1]), insider(register, homes[0])
    assert row in queries.listing(one, register, Wish()).records
    page = queries.listing(stranger, register, Wish())
    assert row not in page.records and page.total == len(page.records)
    with pytest.raises(Refused) as problem:
        queries.one(stranger, register, row.pk)
    assert problem.value.code == "absent"
    if register.search:
        text = next((str(value) for name in register.search if len(str(value := getattr(row, name, ""))) > 1), "")
        assert row not in [hit.record for hit in queries.search_everywhere(stranger, text)]
    if register.export:
        assert row not in list(exporting.selected(stranger, register, Wish()))
    if register.attachments:
        file = StoredFile(owner_kind=register.code, owner_id=row.pk)
        assert readable(one, file) and not readable(stranger, file)


@every
def test_没有动作权限就什么也做不了(register, homes):
    row = rows.make(register.model, homes[0])
    reader = holder(register, homes[0], ["view"], Scope.ALL)
    before = snapshot(register, register.model._default_manager.get(pk=row.pk))
    for action in register.actions:
        if action.permission != "view":
            with pytest.raises(Refused):
                services.act(reader, register, row.pk, action.code, {})
    for pk in (None, row.pk):
        with pytest.raises(Refused):
            services.save(reader, register, {}, pk=pk)
    with pytest.raises(Refused):
        exporting.selected(reader, register, Wish())
    assert snapshot(register, register.model._default_manager.get(pk=row.pk)) == before


@every
def test_范围之外的行不能改不能办(register, homes):
    row = rows.make(register.model, homes[0])
    stranger = holder(register, homes[1])
    for action in register.actions:
        with pytest.raises(Refused):
            services.act(stranger, register, row.pk, action.code, {})
    with pytest.raises(Refused):
        services.save(stranger, register, {}, pk=row.pk)


@every
def test_状态不对的操作被拒绝(register, homes):
    row, one = rows.make(register.model, homes[0]), insider(register, homes[0])
    for action in register.actions:
        if action.available is not None:
            shut = dataclasses.replace(action, available=lambda actor, record: False)
            with pytest.raises(Refused):
                services.act(one, dataclasses.replace(register, actions=(shut,)), row.pk, action.code, {})


@written
def test_表单会碰到的约束都有中文说法(register):
    """Or the service has them, where the model leaves them to the database."""
    left = "validate_constraints" in vars(register.model) | vars(register.model._meta.concrete_model)
    for constraint in register.model._meta.constraints:
        plain = isinstance(constraint, UniqueConstraint) and constraint.fields and not constraint.condition
        worded = constraint.violation_error_message != constraint.default_violation_error_message
        assert left or plain or worded, constraint.name


@entered
def test_照抄一行来新增_存下或说清为什么(register, homes):
    """Forms, checks of the model, services and constraints go together: nothing but a refusal in words stops a row."""
    row = rows.make(register.model, homes[0])
    widest = (Permission(Scope.ALL, homes[0].pk, homes[0].path),)
    everything = {(spec.code, verb): widest for spec in resources().values() for verb, _ in spec.verbs}
    one = dataclasses.replace(holder(register, homes[0]), permissions=everything)
    given = {name: value for name, value in model_to_dict(row, register.form_fields).items() if value is not None}
    other = {name: "z9" for name in given if getattr(register.model._meta.get_field(name), "unique", False)}
    last = {name: "9999-12-31" for name, value in given.items() if isinstance(value, date)}
    for changed in ({}, other, last, other | last):
        try:
            made = services.save(one, register, {**given, **changed})
        except Refused as problem:
            assert problem.message and not CODE.search(problem.message)
        else:
            assert made.pk != row.pk


@every
def test_冻结的行改不动(register, homes):
    row, one = rows.make(register.model, homes[0]), insider(register, homes[0])
    frozen = dataclasses.replace(register, frozen=lambda record: True)
    with pytest.raises(Refused):
        services.save(one, frozen, {}, pk=row.pk)
    for action in frozen.actions:
        if not action.on_frozen:
            with pytest.raises(Refused):
                services.act(one, frozen, row.pk, action.code, {})


@every
def test_候选项不超出可见范围(register, homes):
    stranger = holder(register, homes[1])
    names = {item.name for item in register.bound_filters if item.path and len(item.path.chain) == 1}
    for name in names | set(register.form_fields):
        field = register.model._meta.get_field(name)
        owner = of_model(field.related_model) if field.is_relation else None
        if owner is not None and name != register.guard.organisation and not stranger.can(owner.guard.code, "view"):
            assert not candidates(stranger, register, name, "view").exists() or owner.code == "orgs.organisation", name


@every
def test_列表查询次数恒定且有上限(register, homes):
    one = insider(register, homes[0])

    def count(rows_wanted):
        while register.model._default_manager.count() < rows_wanted:
            rows.make(register.model, homes[0])
        bounds = tuple(queries.offered_columns(register).values())
        asked = Wish(columns=tuple(bound.name for bound in bounds))
        with CaptureQueriesContext(connection) as caught:
            page = queries.listing(one, register, asked)
            for record in page.records:
                for bound in bounds:
                    queries.shown(bound, record, page.plain)
                register.url_of(record)
        return len(caught)

    few, many = count(2), count(12)
    assert many == few <= QUERIES, "a column reads row by row: name its path in `related`"


@every
def test_自己的导出原样导入无变化(register, homes, settings, tmp_path):
    if register.importing is None or not register.export:
        pytest.skip("此台账不导入或不导出")
    if register.importing.write is not None:
        pytest.skip("此台账导入的是外来表格，列与导出不同，由领域自己的测试覆盖")
    for _ in range(3):
        rows.make(register.model, homes[0])
    one = insider(register, homes[0])
    wide = (Permission(Scope.ALL, homes[0].pk, homes[0].path),)
    others = {(other.guard.code, "view"): wide for other in REGISTERS if other is not register}
    one = dataclasses.replace(one, permissions=others | one.permissions)
    stream = exporting.export(one, register, Wish(columns=tuple(fields_of(register))), "xlsx")
    data = stream.read()
    assert len(CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()) >= 4
    run = services.upload(one, register, "往返.xlsx", io.BytesIO(data))
    services.confirm(one, register, run, run.mapping)
    run.refresh_from_db()
    reasons = files.of((importing.OWNER, run.pk)).filter(kind="errors").first()
    said = "" if reasons is None else sheets.read(files.content(reasons), "x.xlsx").rows
    assert (run.created, run.changed, run.errors) == (0, 0, 0), said
    assert run.unchanged >= 3


def test_菜单里的台账_看得见菜单的角色都能打开():
    guards = {register.url: register.guard.code for register in REGISTERS}
    shut = [
        (item.label, role.code)
        for domain in domains()
        for item in domain.menu
        for other in domains()
        for role in other.roles
        if item.url in guards
        and item.requires in (held := {(resource, verb) for resource, verb, _ in role.grants})
        and (guards[item.url], "view") not in held
    ]
    assert shut == []
