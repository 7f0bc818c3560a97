"""What a renewed secret leaves behind: derived keys of lasting digests, and how far a renewal has come."""

from functools import lru_cache

from django.conf import settings
from django.db import models

from yiwang.kernel.crypto import CryptoProblem, decrypt, keys
from yiwang.kernel.crypto.fields import SealedLine

DERIVED = "keys.derived"


class DerivedKey(models.Model):
    """核对旧校验码用的派生密钥，按启用先后编号；以当前密钥加密，不能解密任何内容，也推不出原密钥。"""

    purpose = models.CharField("用途", max_length=60)
    name = models.CharField("密钥号", max_length=8)
    sealed = SealedLine("派生密钥（密文）", max_length=200, about=DERIVED)
    kept_at = models.DateTimeField("留存时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "派生密钥"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["purpose", "name"], name="keys_derived_once")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.name}"


class Progress(models.Model):
    """一个校验码字段换密钥到了哪一行；name 是做完后所用的密钥号。"""

    column = models.CharField("字段", max_length=120, unique=True)
    name = models.CharField("密钥号", max_length=8)
    last = models.BigIntegerField("末行编号", default=0)
    finished_at = models.DateTimeField("完成时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "换密钥进度"

    def __str__(self) -> str:
        return self.column


def derived() -> dict[str, list[bytes]]:
    """The keys kept for lasting purposes, oldest first; empty for one that no secret in use opens."""
    return _derived((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _derived(secrets: tuple[str, ...]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for purpose, token in DerivedKey.objects.order_by("pk").values_list("purpose", "sealed"):
        try:
            key = bytes.fromhex(decrypt(token, DERIVED))
        except CryptoProblem:
            key = b""
        found.setdefault(purpose, []).append(key)
    return found


def forget() -> None:
    """Read the kept keys again."""
    _derived.cache_clear()


keys.keep_with(derived)
