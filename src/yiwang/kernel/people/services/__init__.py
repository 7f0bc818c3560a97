"""The only writers of people, accounts, appointments and delegations."""

from yiwang.kernel.people.services.accounts import (
    change_password,
    create_account,
    disable_account,
    enable_account,
    reset_password,
    unlock_account,
)
from yiwang.kernel.people.services.appointments import appoint, dismiss, hand_over, transfer
from yiwang.kernel.people.services.delegations import delegate, revoke
from yiwang.kernel.people.services.persons import change_person, create_person
from yiwang.kernel.people.services.second_factor import (
    clear_second_factor,
    confirm_second_factor,
    pending_secret,
    start_second_factor,
    verify_second_factor,
)
from yiwang.kernel.people.services.sign_in import (
    authenticate,
    end_session,
    end_sessions,
    sign_in,
    sign_out,
    touch,
)
from yiwang.kernel.people.services.upkeep import tidy

__all__ = [
    "appoint", "authenticate", "change_password", "change_person", "clear_second_factor", "confirm_second_factor",
    "create_account", "create_person", "delegate", "disable_account", "dismiss", "enable_account", "end_session",
    "end_sessions", "hand_over", "pending_secret", "reset_password", "revoke", "sign_in", "sign_out",
    "start_second_factor", "tidy", "touch", "transfer", "unlock_account", "verify_second_factor",
]  # fmt: skip
