"""Partners of sign-on and what they were given. Secrets are kept as digests, or sealed where we must say them."""

from django.db import models
from django.db.models import Q

from yiwang.kernel.crypto.fields import SealedLine, SealedText
from yiwang.kernel.oidc.terms import PRIVATE, SECRET


class State(models.TextChoices):
    PROPOSED = "proposed", "待批准"
    APPROVED = "approved", "已批准"
    REFUSED = "refused", "未批准"
    ENDED = "ended", "已停用"


OPEN = (State.PROPOSED, State.APPROVED)


class Proposal(models.Model):
    """一人提出、另一人批准；改动后须重新批准。"""

    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.PROPOSED, editable=False)
    proposed_by = models.ForeignKey(
        "people.Person", models.PROTECT, related_name="+", editable=False, verbose_name="提出人"
    )
    proposed_at = models.DateTimeField("提出时间", auto_now_add=True)
    decided_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, related_name="+", editable=False, verbose_name="批准人"
    )
    decided_at = models.DateTimeField("批准时间", null=True, editable=False)

    class Meta:
        abstract = True


class RelyingParty(Proposal):
    """接入系统：用本平台账号登录的其他系统。"""

    class Algorithm(models.TextChoices):
        RS256 = "RS256", "RS256"
        ES256 = "ES256", "ES256"

    code = models.SlugField("接入代码", max_length=40, unique=True, help_text="即 client_id，小写字母、数字、横线")
    name = models.CharField("系统名称", max_length=60)
    redirect_uris = models.TextField("回调地址", help_text="一行一个，逐字匹配；须为 https（本机调试可用 http）")
    sign_out_uris = models.TextField("退出后地址", blank=True, help_text="一行一个，逐字匹配；可不填")
    algorithm = models.CharField("签名算法", max_length=5, choices=Algorithm.choices, default=Algorithm.RS256)
    secret_digest = models.CharField("密钥摘要", max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "接入系统"

    def __str__(self) -> str:
        return self.name


class IdentityProvider(Proposal):
    """身份源：可凭其登录本平台的标准 OIDC 提供方。"""

    code = models.SlugField("身份源代码", max_length=40, unique=True, help_text="小写字母、数字、横线")
    name = models.CharField("名称", max_length=60, help_text="显示在登录页上")
    issuer = models.URLField("签发者", max_length=200, help_text="即 issuer；须为 https（本机调试可用 http）")
    client_id = models.CharField("客户端标识", max_length=200)
    secret = SealedLine("客户端密钥（密文）", max_length=600, blank=True, editable=False, about=SECRET)

    class Meta:
        verbose_name = verbose_name_plural = "身份源"

    def __str__(self) -> str:
        return self.name


class IdentityLink(Proposal):
    """身份绑定：身份源中的某一主体就是本平台的某一账号。只按主体标识，不按姓名、邮箱、手机。"""

    provider = models.ForeignKey(IdentityProvider, models.PROTECT, related_name="links", verbose_name="身份源")
    subject = models.CharField("主体标识", max_length=255, help_text="身份源签发的 sub，逐字一致")
    account = models.ForeignKey("people.Account", models.PROTECT, related_name="identities", verbose_name="账号")

    class Meta:
        verbose_name = verbose_name_plural = "身份绑定"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "subject"],
                condition=Q(state__in=OPEN),
                name="oidc_link_subject_once",
                violation_error_message="该身份已绑定一个账号或正在审核。",
            ),
            models.UniqueConstraint(
                fields=["provider", "account"],
                condition=Q(state__in=OPEN),
                name="oidc_link_account_once",
                violation_error_message="该账号在这个身份源已有绑定或正在审核。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.account}"


class SigningKey(models.Model):
    """签名密钥：公钥在 jwks 公布，私钥密存。"""

    name = models.CharField("密钥标识", max_length=64, unique=True)
    algorithm = models.CharField("算法", max_length=5, choices=RelyingParty.Algorithm.choices)
    private = SealedText("私钥（密文）", editable=False, about=PRIVATE)
    created_at = models.DateTimeField("生成时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "签名密钥"

    def __str__(self) -> str:
        return self.name


class Code(models.Model):
    """授权码：一分钟内有效，用一次；只存摘要。"""

    digest = models.CharField("摘要", max_length=64, unique=True)
    party = models.ForeignKey(RelyingParty, models.CASCADE, related_name="codes", verbose_name="接入系统")
    account = models.ForeignKey("people.Account", models.CASCADE, related_name="+", verbose_name="账号")
    redirect_uri = models.CharField("回调地址", max_length=500)
    scope = models.CharField("范围", max_length=200)
    nonce = models.CharField("随机数", max_length=200)
    challenge = models.CharField("PKCE 挑战", max_length=128)
    signed_in_at = models.DateTimeField("登录时间")
    expires_at = models.DateTimeField("失效时间")
    used_at = models.DateTimeField("使用时间", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "授权码"
        constraints = [models.UniqueConstraint(fields=["party", "nonce"], name="oidc_nonce_once")]

    def __str__(self) -> str:
        return f"{self.party} {self.account}"


class AccessToken(models.Model):
    """访问令牌：只能读用户信息，五分钟有效；只存摘要。"""

    digest = models.CharField("摘要", max_length=64, unique=True)
    code = models.ForeignKey(Code, models.CASCADE, related_name="tokens", verbose_name="授权码")
    expires_at = models.DateTimeField("失效时间")
    revoked_at = models.DateTimeField("收回时间", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "访问令牌"

    def __str__(self) -> str:
        return str(self.code)
