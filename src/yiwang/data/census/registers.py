"""普查与三清单的台账。"""

from yiwang.data.census import queries, services
from yiwang.data.census.models import Duty, NegativeEntry, ResponsibilityEntry, Survey, Target
from yiwang.kernel.access.doors import Resource as Guard
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.registers.declarations import Column, Filter, Importing, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

VIEW = (("view", "查看"), ("export", "导出"))
SURVEYS = register(
    Register(
        code="census.survey", model=Survey, name="数据普查",
        columns=("title", "starts_on", "due_on", "state"), sort=("-starts_on", "-id"), writes=("add",),
        sections=(Section("普查", ("title", "basis", "starts_on", "due_on", "units")), Section("进展", ("state",), form=False)),
        create=lambda actor, given: services.open_survey(actor, **given),
        panels=(lambda actor, survey: ("填报进度", "census/survey.html", queries.progress(actor, survey)),),
        actions=(
            RecordAction("remind", "催报", lambda actor, record, given: services.remind(actor, record.pk),
                         confirm="向未填报单位的编目员发送催报消息，每天至多一次。确定吗？", available=lambda actor, record: record.state == "running", why="普查已结束。"),
            RecordAction("close", "结束普查", lambda actor, record, given: services.close_survey(actor, record.pk),
                         confirm="结束后各单位不能再填报。确定吗？", available=lambda actor, record: record.state == "running", why="普查已结束。"),
        ),
        empty="还没有布置普查。",
    )
)  # fmt: skip
TARGETS = register(
    Register(
        code="census.target", model=Target, name="普查填报", writes=(),
        columns=("survey", "organisation", "due_on", "reported_at", "systems", "holdings", "reminders"),
        filters=("survey", Filter("organisation", kind="organisation"), Filter("pending", "填报情况", "choice",
                 (("late", "逾期未报"), ("pending", "未报"), ("reported", "已报")), lambda found, values: queries.pending(found, values))),
        sort=("due_on", "id"), related=("survey", "organisation"),
        sections=(Section("填报", ("survey", "organisation", "due_on", "reported_at", "systems", "holdings", "note", "reminders", "reminded_at")),),
        actions=(RecordAction("report", "填报", lambda actor, record, given: services.report_survey(
            actor, record.pk, systems=int(given["systems"]), holdings=int(given["holdings"]), note=given.get("note", "")),
            (Field("systems", "信息系统数", "integer", required=True), Field("holdings", "应编目资源数", "integer", required=True,
             help="本单位全部数据资源，不论是否已编目"), Field("note", "说明", "long_text")),
            lambda actor, record: record.survey.state == "running", "普查已结束。"),),
    )
)  # fmt: skip
DUTIES = register(
    Register(
        code="census.duty", model=Duty, name="部门职能",
        columns=("code", "name", "organisation", "basis", "yields_data"),
        filters=(Filter("organisation", kind="organisation"), "yields_data"), search=("code", "name"), sort=("code",),
        sections=(Section("职能", ("code", "name", "organisation", "basis", "yields_data", "resources")),), related=("organisation",),
        importing=Importing(key=("code",), fields=("name", "organisation", "basis", "yields_data")),
        empty="还没有职能。可从三定规定或权责清单导入。",
    )
)  # fmt: skip
RESPONSIBILITIES = register(
    Register(
        code="census.responsibility", model=ResponsibilityEntry, name="责任清单", writes=(),
        resource=Guard("census.responsibility", "责任清单", ResponsibilityEntry, owner=None, verbs=VIEW),
        columns=("organisation", "duty", Column("resource", "应提供资源"), "cycle", "publish_state", "basis"),
        filters=(Filter("organisation", kind="organisation"), "publish_state"), sort=("id",), related=("organisation", "duty", "resource"),
        empty="责任清单由部门职能与资源的对应关系生成：先登记职能，再在职能上选择资源。",
    )
)  # fmt: skip
NEGATIVES = register(
    Register(
        code="census.negative", model=NegativeEntry, name="负面清单", writes=(),
        resource=Guard("census.negative", "负面清单", NegativeEntry, owner=None, verbs=VIEW),
        columns=("organisation", "subject", "reason", "basis", "since"), filters=(Filter("organisation", kind="organisation"),),
        sort=("id",), related=("organisation",), empty="负面清单由不予共享的信息项和不予提供的需求生成，不能手填。",
    )
)  # fmt: skip
ALL = (SURVEYS, TARGETS, DUTIES, RESPONSIBILITIES, NEGATIVES)
