"""规则表：随平台给出的一套，和本地的修订。"""

from collections.abc import Iterable
from datetime import date

from django.db import transaction

from yiwang.data.protection.models import GradingRule, MaskRule
from yiwang.data.protection.services.grading import GradeRule
from yiwang.data.protection.terms import SENSITIVE_PERSONAL, Method, Recipient
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.crypto.masks import COARSE, KINDS
from yiwang.kernel.ledger import services as ledger
from yiwang.standards.sensitive import SensitiveKind

GRADING_BASIS = "GB/T 43697-2024《数据安全技术 数据分类分级规则》就高从严"
PERSONAL_BASIS = "个人信息保护法第二十八条"
MASK_BASIS = "DB34/T 4631.2-2023 数据脱敏；个人信息保护法第五十一条"
SINCE = date(2024, 10, 1)
# code, name, kinds, rows from, level. The numbers are the platform's proposal; a bureau replaces them by its own.
_UNITS = frozenset({SensitiveKind.ORGANISATION, SensitiveKind.USCC})
_HIGH = SENSITIVE_PERSONAL | {SensitiveKind.ID_NUMBER, SensitiveKind.DOCUMENT}
STANDARD_GRADES: tuple[tuple[str, str, tuple[SensitiveKind, ...], int, int], ...] = (
    *((f"kind.{kind}", f"{'单位信息' if kind in _UNITS else '一般个人信息'}：{kind.label}", (kind,), 0, 2) for kind in SensitiveKind if kind not in _HIGH),
    *((f"kind.{kind}", f"敏感个人信息：{kind.label}", (kind,), 0, 3) for kind in SensitiveKind if kind in _HIGH),
    ("identify.phone", "姓名与电话同时出现", (SensitiveKind.NAME, SensitiveKind.PHONE), 0, 3),
    ("identify.home", "姓名与住址同时出现", (SensitiveKind.NAME, SensitiveKind.ADDRESS), 0, 3),
    ("identify.health", "证件号码与医疗健康同时出现", (SensitiveKind.ID_NUMBER, SensitiveKind.HEALTH), 0, 4),
    ("identify.face", "证件号码与生物识别同时出现", (SensitiveKind.ID_NUMBER, SensitiveKind.BIOMETRIC), 0, 4),
    ("scale.identity", "证件号码达到一百万人", (SensitiveKind.ID_NUMBER,), 1_000_000, 4),
)  # fmt: skip
_SHAPED = frozenset(KINDS) - frozenset(COARSE) | {SensitiveKind.ID_NUMBER, SensitiveKind.ADDRESS}


def _standard_masks() -> Iterable[tuple[SensitiveKind, Recipient, Method]]:
    for kind in SensitiveKind:
        yield kind, Recipient.OWNER, Method.PLAIN
        yield kind, Recipient.DEPARTMENT, Method.MASK if kind in _SHAPED else Method.GENERALISE
        yield kind, Recipient.PUBLIC, Method.REPLACE
    yield SensitiveKind.BIRTHDAY, Recipient.ANALYST, Method.GENERALISE
    yield SensitiveKind.FINANCE, Recipient.ANALYST, Method.PERTURB
    yield SensitiveKind.ID_NUMBER, Recipient.ANALYST, Method.PSEUDONYM
    yield SensitiveKind.NAME, Recipient.ANALYST, Method.REPLACE
    for kind in SensitiveKind:
        if kind not in (SensitiveKind.BIRTHDAY, SensitiveKind.FINANCE, SensitiveKind.ID_NUMBER, SensitiveKind.NAME):
            yield kind, Recipient.ANALYST, Method.GENERALISE


@transaction.atomic
def load_standard(actor: Actor) -> int:
    """The rules that come with the platform; what a bureau has of its own stays. Returns how many were new."""
    actor.require("protection.rule", "add")
    home = actor.home()
    known = set(GradingRule.objects.values_list("code", flat=True))
    grades = [
        GradingRule(
            code=code, name=name, kinds=list(kinds), rows_from=rows, level=level, valid_from=SINCE, organisation_id=home,
            basis=GRADING_BASIS if len(kinds) > 1 or level < 3 else f"{PERSONAL_BASIS}；{GRADING_BASIS}",
        )
        for code, name, kinds, rows, level in STANDARD_GRADES if code not in known
    ]  # fmt: skip
    there = set(MaskRule.objects.values_list("kind", "recipient"))
    masks = [
        MaskRule(kind=kind, recipient=recipient, method=method, basis=MASK_BASIS, valid_from=SINCE, organisation_id=home)
        for kind, recipient, method in _standard_masks() if (kind, recipient) not in there
    ]  # fmt: skip
    GradingRule.objects.bulk_create(grades)
    MaskRule.objects.bulk_create(masks)
    if grades or masks:
        after = {"grading": [each.code for each in grades], "masks": len(masks)}
        ledger.record(actor, "protection.load_standard", ("protection.rule", "standard"), after=after)
    return len(grades) + len(masks)


@transaction.atomic
def replace_grading(
    actor: Actor, code: str, *, name: str, kinds: Iterable[str], level: int, valid_from: date, basis: str, rows_from: int = 0
) -> GradingRule:  # fmt: skip
    """A new rule, or from `valid_from` another one in place of the rule of that code; the old one keeps its time."""
    actor.require("protection.rule", "add")
    wanted = list(dict.fromkeys(kinds))
    errors: dict[str, list[str]] = {}
    if not wanted or any(kind not in SensitiveKind.values for kind in wanted):
        errors["kinds"] = ["至少一个类别，且须在类别表内"]
    if level not in (1, 2, 3, 4):
        errors["level"] = ["只能是 1 至 4"]
    if not basis.strip():
        errors["basis"] = ["须写明依据"]
    last = GradingRule.objects.select_for_update().filter(code=code).order_by("-valid_from").first()
    if last is not None and last.valid_from >= valid_from:
        errors["valid_from"] = [f"须晚于现有规则的生效日期 {last.valid_from}"]
    if errors:
        raise Invalid("定级规则没有保存，请改正后再存。", errors=errors, rule=GRADING_BASIS)
    if last is not None and (last.valid_until is None or last.valid_until >= valid_from):
        last.valid_until = date.fromordinal(valid_from.toordinal() - 1)
        last.save(update_fields=["valid_until", "updated_at"])
    made = GradingRule.objects.create(
        code=code, name=name, kinds=wanted, rows_from=rows_from, level=level, basis=basis, valid_from=valid_from,
        organisation_id=actor.home(), created_by_id=actor.person_id,
    )  # fmt: skip
    ledger.record(
        actor, "protection.replace_grading", ("protection.rule", made.pk),
        before={"level": last.level, "kinds": last.kinds} if last else None,
        after={"code": code, "level": level, "kinds": wanted, "from": valid_from.isoformat()},
    )  # fmt: skip
    return made


def grade_rules() -> list[GradeRule]:
    """All rules of any time; `grades` takes those in force."""
    return [
        GradeRule(
            each.code, frozenset(each.kinds), each.rows_from, each.level, each.basis, each.valid_from, each.valid_until
        )
        for each in GradingRule.objects.order_by("code", "valid_from")
    ]
