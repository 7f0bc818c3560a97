"""What the ledger's actions are called in the audit pages; the ledger itself keeps codes, which never change."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.registers.paths import Path, resolve
from yiwang.kernel.registers.registry import all_registers, coded, kinds, name_of_kind, name_words, word

GENERIC = {
    "add": "新增", "change": "修改", "delete": "删除", "attach": "上传附件", "import": "导入", "export": "导出", "issue_token": "签发接口令牌", "revoke_token": "收回接口令牌",
}  # fmt: skip
KERNEL = {
    "access.grant.given": "授予权限", "access.grant.withdrawn": "收回权限", "access.role.declared": "登记预设角色", "access.role.defined": "新建角色",
    "access.role.held": "授予角色", "access.role.withdrawn": "收回角色", "calendar.publish": "发布工作日历", "clocks.recompute": "按新日历重算期限",
    "clocks.timer.park": "搁置定时器", "clocks.timer.retry": "重试定时器", "flow.outbox.park": "搁置案件通知", "flow.outbox.retry": "重送案件通知",
    "messages.delivery.retry": "重发搁置消息", "jobs.job.retry": "重试后台任务", "files.adopt": "归入附件", "files.download": "下载文件", "files.store": "上传文件",
    "files.sweep": "清理无主文件", "files.withdraw": "撤下文件", "ledger.accept_database": "确认恢复后的数据库", "orgs.organisation.changed": "修改机构",
    "orgs.organisation.created": "新建机构", "orgs.organisation.moved": "移动机构", "orgs.organisation.retired": "停用机构", "orgs.post.changed": "修改岗位",
    "orgs.post.created": "新建岗位", "orgs.regions.loaded": "载入行政区划", "people.account.created": "新建账号", "people.account.disabled": "停用账号",
    "people.account.enabled": "启用账号", "people.account.password_changed": "修改密码", "people.account.password_reset": "重置密码",
    "people.account.recovery_code_used": "使用恢复码", "people.account.second_factor_cleared": "解除动态口令", "people.account.second_factor_on": "启用动态口令",
    "people.account.unlocked": "解锁账号", "people.appointed": "任职", "people.delegated": "设定代理", "people.delegation.revoked": "收回代理",
    "people.dismissed": "免职", "people.person.changed": "修改人员", "people.person.created": "新建人员", "people.sessions.ended": "退出其他登录",
    "people.sign_in.failed": "登录失败", "people.signed_in": "登录", "people.signed_out": "退出登录", "lake.expired": "清理旧快照", "lake.exported": "导出湖表备份",
    "lake.files.sealed": "加密湖表文件", "lake.rewritten": "从各快照删除行", "lake.snapshot.discarded": "放弃暂存快照", "lake.snapshot.held": "保留快照",
    "lake.snapshot.published": "发布快照", "lake.snapshot.staged": "暂存快照", "lake.table.changed": "修改湖表", "lake.table.registered": "登记湖表",
    "lake.table.retention": "改定快照保留期", "lake.table.sealed": "改为加密存放",
}  # fmt: skip
# What an entry says besides the columns of its target.
FACTS = {
    "cause": "起因", "days": "日数", "digest": "内容摘要", "error": "错误", "files": "文件", "grants": "权限", "kind": "种类", "name": "名称", "number": "编号",
    "numbers": "编号", "owner": "所属", "person": "人员", "post": "岗位", "primary": "主岗", "reason": "理由", "rebuilt": "重建", "role": "角色", "rows": "行数",
    "until": "至", "valid_from": "起", "valid_until": "止", "version": "版本", "years": "年份",
}  # fmt: skip
name_words((GENERIC | KERNEL | FACTS).items())


# Kinds the ledger knows that no register or resource is named after.
KINDS = {
    "clocks.timer": "定时", "files.file": "附件", "ledger.database": "数据库", "orgs.region": "行政区划", "messages.delivery": "短信邮件", "registers.token": "接口令牌",
    "calendar.version": "工作日历", "calendar": "工作日历",
}  # fmt: skip


def kind(entry: Entry) -> str:
    """The kind of the target in words."""
    return KINDS.get(entry.target_kind) or name_of_kind(entry.target_kind)


def kinds_like(rows: QuerySet[Entry], texts: list[str]) -> QuerySet[Entry]:
    """Entries about kinds whose name has the text, or whose code begins with it."""
    known = {code: each.name for code, each in kinds().items()} | KINDS
    wanted = [code for code, name in known.items() if any(text in name for text in texts)]
    begins = Q(*(Q(target_kind__startswith=text) for text in texts), _connector=Q.OR)
    return rows.filter(begins | Q(target_kind__in=wanted))


def deeds_like(rows: QuerySet[Entry], texts: list[str]) -> QuerySet[Entry]:
    """Entries of actions whose name has the text, or whose code begins with it."""
    said = [Q(action__in=coded(texts)), *(Q(action__startswith=text) for text in texts)]
    said += [Q(target_kind=each.code, action=act.code) for each in all_registers() for act in each.actions
             if any(text in act.name for text in texts)]  # fmt: skip
    return rows.filter(Q(*said, _connector=Q.OR))


def facts(target_kind: str, names: Iterable[str]) -> dict[str, tuple[str, Path | None]]:
    """Fact → its label, the column's or what its domain calls it, and the column its value reads as, if there is one."""
    known = kinds().get(target_kind)
    columns = (
        {each.name: resolve(known.model, each.name) for each in known.model._meta.concrete_fields} if known else {}
    )
    return {name: (columns[name].label, columns[name]) if name in columns else (word(name), None) for name in names}


def deed(entry: Entry) -> str:
    """The action in words: of the kernel or a domain, of a register's own actions; else its code."""
    said = word(entry.action)
    register = next((each for each in all_registers() if each.code == entry.target_kind), None)
    action = register.action(entry.action) if register is not None and said == entry.action else None
    return action.name if action is not None else said
