"""A small town built through the public verbs, for journeys that need no domain; run in a process of its own."""

from datetime import timedelta

from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.roles import KERNEL_ROLES, RoleSpec
from yiwang.kernel.access.services import declare, hold_role
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Field, Flow, Operation, Stage, end
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.flow.services import act, open_case
from yiwang.kernel.messages.services import notify
from yiwang.kernel.orgs.models import Post
from yiwang.kernel.orgs.services import create_organisation, create_post
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import appoint, create_account, create_person

PASSWORD = "Journey-Town-2026"
FLOW = "journey"


def build() -> None:
    long_ago = timezone.localdate() - timedelta(days=900)
    for spec in (RoleSpec("letters", "来信登记员", ()), RoleSpec("solver", "承办员", ())):
        declare(SYSTEM, spec, "journey")
    units = {
        name: create_organisation(SYSTEM, code=f"J{index}", name=name)
        for index, name in enumerate(("信访局", "住房和城乡建设局", "数据局"))
    }

    def account(username: str, name: str, post: Post) -> Account:
        person = create_person(SYSTEM, name=name, staff_number=f"J-{username}")
        appoint(SYSTEM, person.pk, post.pk, valid_from=long_ago)
        return create_account(SYSTEM, person.pk, username=username, password=PASSWORD, must_change=False)

    def post(unit: str, name: str, role: str, duty: Duty = Duty.BUSINESS) -> Post:
        made = create_post(SYSTEM, units[unit].pk, code=f"J-{role}", name=name, duty=duty)
        hold_role(SYSTEM, Role.objects.get(code=role).pk, made.pk, valid_from=long_ago, reason="演示")
        return made

    for spec in KERNEL_ROLES:
        account(spec.duty.value, spec.name, post("数据局", spec.name, spec.code, spec.duty))
    desk = actor_of(account("letters", "李静", post("信访局", "登记岗", "letters")))
    worker = account("solver", "王强", post("住房和城乡建设局", "承办岗", "solver"))
    result = Field("result", "处理结果", "choice", required=True, choices=(("yes", "已解决"), ("no", "未解决")))
    publish(
        Flow(
            FLOW, "来信办理", "2026-1", number=FLOW, operator_role="letters", basis="《信访工作条例》",
            stages=(
                Stage("desk", "登记", Assign("role", "letters", "operator"), (
                    Action("send", "派办", "work", fields=(Field("to", "承办单位", "organisation", required=True),)),
                )),
                Stage("work", "承办", Assign("role", "solver", "lead"), (
                    Action("answer", "答复", end("answered"), needs_opinion=True, confirm="答复后办结，确认提交？",
                           basis="《信访工作条例》第三十一条", fields=(result, Field("proof", "佐证材料", "files"))),
                    Action("note", "记录进展", "@stay", verdict="note"),
                )),
            ),
            outcomes=(("answered", "已答复"),),
            clocks=(ClockRule("reply", "答复时限", "working_day", 5, basis="《信访工作条例》第三十四条"),),
            operations=(Operation("transfer"), Operation("suspend"), Operation("copy"), Operation("send_back")),
        )
    )  # fmt: skip
    for number in range(1, 13):
        case = open_case(
            desk, FLOW, f"反映和平里小区第 {number} 号楼楼道照明损坏，夜间出行不便", organisation_id=units["信访局"].pk,
            operator_id=units["信访局"].pk, is_demo=True, happened_at=timezone.now() - timedelta(days=number),
        )  # fmt: skip
        act(desk, case.pk, "send", data={"to": units["住房和城乡建设局"].pk}, opinion="请于时限内答复。")
    notify([worker.person_id], "您有新的来信待办", "请按时限办理。", url="/inbox/todo/", dedup="journey")
