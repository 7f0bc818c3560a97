"""数据治理用语：质量维度按 GB/T 36344-2018《信息技术 数据质量评价指标》。"""

from django.db.models import TextChoices

from yiwang.kernel.crypto import keys

# What a sealed value of an objection belongs to; the digest of its row is made for the first too.
ROW, PROPOSED, STATEMENT = "governance.objection.row", "governance.objection.proposed", "governance.objection.statement"
# What a sealed table of values belongs to, whoever holds it: a proposal, or the repair it became. Its digest is lasting.
VALUES = keys.lasting("governance.repair.values")
# Rows of a table by which values are rewritten: more than anybody looks through.
MOST_VALUES = 2000


class Kind(TextChoices):
    ROW = "row", "逐行"
    TYPED = "typed", "类型"
    UNIQUE = "unique", "唯一"
    REFERENTIAL = "referential", "引用"
    DEPENDENCY = "dependency", "函数依赖"
    CROSS = "cross", "跨表"
    DRIFT = "drift", "行数波动"
    FRESHNESS = "freshness", "时效"
    DISTRIBUTION = "distribution", "分布"


class Dimension(TextChoices):
    COMPLETE = "complete", "完整性"
    STANDARD = "standard", "规范性"
    ACCURATE = "accurate", "准确性"
    CONSISTENT = "consistent", "一致性"
    TIMELY = "timely", "时效性"
    ACCESSIBLE = "accessible", "可访问性"


class Severity(TextChoices):
    """拦截：不合格的行不入库、退回提供单位；提示：入库，但计入质量分。"""

    BLOCK = "block", "拦截"
    WARN = "warn", "提示"


class RuleSetState(TextChoices):
    DRAFT = "draft", "编制中"
    PUBLISHED = "published", "已发布"
    RETIRED = "retired", "已被新版取代"


class RunState(TextChoices):
    RUNNING = "running", "检查中"
    DONE = "done", "已完成"
    FAILED = "failed", "未完成"


class ProposalState(TextChoices):
    PROPOSED = "proposed", "待确认"
    ACCEPTED = "accepted", "已采纳"
    REFUSED = "refused", "不采纳"


class Mark(TextChoices):
    """异议标注：提出后即标注，更正或核实无误后撤销。"""

    OPEN = "open", "有异议，核实中"
    CORRECTED = "corrected", "已更正，标注撤销"
    UNFOUNDED = "unfounded", "核实无误，标注撤销"
    WITHDRAWN = "withdrawn", "提出人撤回，标注撤销"


class IssueState(TextChoices):
    OPEN = "open", "整改中"
    FIXED = "fixed", "已整改"
    EXPLAINED = "explained", "已说明"
    CANCELLED = "cancelled", "已撤销"


WEIGHTS = {Severity.BLOCK: 3, Severity.WARN: 1}
