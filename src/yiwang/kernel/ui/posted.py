"""Numbers that a form posts: what is not one is refused in words, never passed over in silence."""

from django.http import HttpRequest

from yiwang.kernel.access.actors import Invalid

LONGEST = 18


def numbers(request: HttpRequest, name: str) -> list[int]:
    given = request.POST.getlist(name)
    if not all(value.isascii() and value.isdigit() and len(value) <= LONGEST for value in given):
        raise Invalid("提交的内容无法识别，未作更改。请刷新页面后重试。")
    return [int(value) for value in given]


def one_number(request: HttpRequest, name: str) -> int:
    found = numbers(request, name)
    if len(found) != 1:
        raise Invalid("没有指明要处理的一件，未作更改。请刷新页面后重试。")
    return found[0]
