"""The writers of registers. `save` and `act` are the only write door of register rows."""

from yiwang.kernel.registers.services.bulk import RowResult, act_many
from yiwang.kernel.registers.services.door import act, attach, post, save
from yiwang.kernel.registers.services.imports import confirm, execute, upload
from yiwang.kernel.registers.services.own import issue_token, remove_view, revoke_token, save_view

__all__ = ["RowResult", "act", "act_many", "attach", "confirm", "execute", "issue_token", "post",
           "remove_view", "revoke_token", "save", "save_view",
           "upload"]  # fmt: skip
