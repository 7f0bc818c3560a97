"""演示：各状态的申请与授权，真实的调用。"""


def build() -> list[tuple[str, str, str]]:
    return []
