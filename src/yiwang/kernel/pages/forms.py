"""Forms of the account pages: the service's sentences land on the fields they are about."""

from collections.abc import Callable
from typing import Any

from django import forms

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.registers.models import ApiToken
from yiwang.kernel.registers.registry import readable
from yiwang.kernel.registers.services.own import TOKEN_DAYS


class SignInForm(forms.Form):
    username = forms.CharField(
        label="账号", max_length=60, widget=forms.TextInput({"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label="密码", max_length=200, strip=False, widget=forms.PasswordInput({"autocomplete": "current-password"})
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label="动态口令", max_length=20,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )  # fmt: skip


class PasswordForm(forms.Form):
    old = forms.CharField(label="原密码", strip=False, widget=forms.PasswordInput({"autocomplete": "current-password"}))
    new = forms.CharField(label="新密码", strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"}))
    again = forms.CharField(
        label="再输一次新密码", strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("new") and data.get("again") and data["new"] != data["again"]:
            self.add_error("again", "两次输入的新密码不一致。")
        return data


class AccountForm(forms.Form):
    username = forms.CharField(
        label="账号", max_length=60, help_text="登录用，3 位以上字母、数字或 . _ @ -；一人一号。系统会给出一次性密码。"
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(label="理由", max_length=200, help_text="写入审计记录")


class TokenForm(forms.Form):
    name = forms.CharField(label="用途", max_length=60, help_text="如：数据局每日取数")
    days = forms.IntegerField(label="有效天数", initial=90, min_value=1, max_value=TOKEN_DAYS)
    access = forms.ChoiceField(label="可做什么", choices=ApiToken.Access.choices, initial=ApiToken.Access.MASKED)
    registers = forms.MultipleChoiceField(
        label="限于台账", required=False, widget=forms.CheckboxSelectMultiple, help_text="一个不选：账号可用的全部接口"
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(each.code, each.name) for each in readable(actor) if each.api]
        self.fields["registers"].choices = offered  # type: ignore[attr-defined]


class DelegationForm(forms.Form):
    """Standing in for the actor on one of the actor's posts."""

    post = forms.ChoiceField(label="委托岗位")
    agent = forms.CharField(label="代理人", max_length=40, help_text="填工号；没有同名的也可填姓名")
    valid_from = forms.DateTimeField(label="开始时间", widget=forms.DateTimeInput({"type": "datetime-local"}))
    valid_until = forms.DateTimeField(label="结束时间", widget=forms.DateTimeInput({"type": "datetime-local"}))
    flows = forms.MultipleChoiceField(label="限定流程", required=False, help_text="不选表示全部流程")
    secrecy_limit = forms.ChoiceField(label="最高密级", choices=[("0", "普通"), ("1", "内部敏感")])
    reason = forms.CharField(label="事由", max_length=200)

    def __init__(self, *args: Any, posts: list[tuple[str, str]], flows: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["post"].choices = posts  # type: ignore[attr-defined]
        self.fields["flows"].choices = flows  # type: ignore[attr-defined]
        if not flows:
            del self.fields["flows"]


def attempt(form: forms.Form, verb: Callable[[dict[str, Any]], Any]) -> Any:
    """Run a service with the form's clean data; a refusal becomes errors of the form and None comes back."""
    if not form.is_valid():
        return None
    try:
        return verb(form.cleaned_data)
    except Refused as problem:
        errors: dict[str, list[str]] = getattr(problem, "errors", {})
        on_fields = {field: found for field, found in errors.items() if field in form.fields}
        for field, found in on_fields.items():
            form.add_error(field, list(found))
        if not on_fields:
            form.add_error(None, problem.message)
        return None
