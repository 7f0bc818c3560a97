"""Why a call is refused: what happened, which rule, what to do. The code is kept in the audit."""

from dataclasses import dataclass

from yiwang.kernel.files.restored import WHY


@dataclass(frozen=True)
class Reason:
    status: int
    what: str
    rule: str
    todo: str


ANSWERED = "answered"
CATALOGUE = "《政务数据共享条例》（国令第 809 号）"
SIGNING = "调用须签名：SM3-HMAC，时间戳与随机数一次有效"
REASONS: dict[str, Reason] = {
    "path": Reason(404, "没有这个地址。", "地址只有 /v1/g<授权号>/rows", "请核对授权页给出的地址。"),
    "method": Reason(405, "不支持这种请求方法。", "只读接口：GET 或 POST", "请改用 GET 或 POST。"),
    "headers": Reason(401, "签名请求头缺少、重复或格式不对。", SIGNING, "请按授权页的示例带齐四个请求头，各一次。"),
    "key": Reason(401, "没有这个密钥，或签名不对。", SIGNING, "请核对密钥编号与密钥；忘记的只能重新签发。"),
    "skew": Reason(401, "时间戳与本平台时间相差超过 5 分钟。", "时钟偏差不超过 300 秒", "请校准调用方服务器的时钟（NTP）。"),
    "replay": Reason(409, "这个随机数已经用过。", SIGNING, "每次调用生成新的随机数；重试也要重新签名。"),
    "key_revoked": Reason(403, "密钥已作废。", "密钥由接口管理员签发与作废", "请联系接口管理员重新签发。"),
    "key_expired": Reason(403, "密钥已过有效期。", "密钥不长于授权的有效期", "请联系接口管理员重新签发。"),
    "other_grant": Reason(403, "密钥不属于这项授权。", "一钥一授权", "请使用该授权自己的密钥。"),
    "grant_ended": Reason(403, "授权已撤销、暂停或尚未生效。", "共享须有有效授权", "请在“我的授权”查看原因；需要继续使用的重新申请。"),
    "grant_expired": Reason(403, "授权已过有效期。", "授权到期即止", "仍需使用的请重新申请。"),
    "quota_day": Reason(429, "今天的调用次数已用完。", "授权的每日限额", "请明日再调用，或申请调整限额。"),
    "quota_total": Reason(429, "授权的总调用次数已用完。", "授权的总限额", "请重新申请。"),
    "rate": Reason(429, "调用过快。", "授权的每秒限次", "请放慢后重试。"),
    "flood": Reason(429, "来自该地址的无效调用过多。", "无效调用限速", "请检查密钥与签名后重试。"),
    "query": Reason(400, "请求参数不合规。", "参数只有键字段、fields、limit、after", "请对照授权页的接口说明。"),
    "field": Reason(403, "请求了授权范围以外的字段。", CATALOGUE + "：不得超出共享范围使用", "只请求授权字段；需要更多字段的重新申请。"),
    "listing": Reason(403, "这项授权只能按键查询。", "授权的每页行数为 0", "请给出键字段的值；需要批量的请申请库表或文件方式。"),
    "size": Reason(413, "请求或页过大。", "请求体不超过 64 KiB，每页不超过授权行数", "请减小 limit 或分页读取。"),
    "no_table": Reason(503, "数据还没有准备好。", "服务表由快照建成后才能调用", "请稍后重试；超过交付期限的请联系提供部门。"),
    "withheld": Reason(403, "授权字段目前都不允许共享。", "目录的共享属性与分级决定可出字段", "请联系提供部门核对目录。"),
    "failed": Reason(500, "读取失败，没有返回数据。", "失败不计次", "请凭请求号联系接口管理员。"),
    "restored": Reason(503, f"{WHY}，没有返回数据。", "个人信息保护法第四十七条", "请稍后重试；一直如此的请联系接口管理员。"),
    "unavailable": Reason(503, "调用记录无法落盘，没有返回数据。", "先记账后应答", "请稍后重试。"),
}  # fmt: skip


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, code: str, what: str = "") -> None:
        super().__init__(code)
        self.code, self.what = code, what


def explained(code: str, request_id: str, what: str = "") -> dict[str, str]:
    """The body of a refusal."""
    reason = REASONS[code]
    return {
        "request": request_id, "error": code, "what": what or reason.what, "rule": reason.rule, "todo": reason.todo,
    }  # fmt: skip
