"""Accounts: users, how they come in, and whose retailers they see. What other modules need, from where each part is kept."""

from ordering.database.sessions import by_session, end_sessions, log_in, log_out, open_sessions
from ordering.database.territories import seen, sees
from ordering.database.throttle import wait
from ordering.database.tokens import by_token, new_token, revoke_token, tokens
from ordering.database.users import User, add, disable, enable, find, listed, set_password, set_role, set_territory

__all__ = [
    "User",
    "add",
    "by_session",
    "by_token",
    "disable",
    "enable",
    "end_sessions",
    "find",
    "listed",
    "log_in",
    "log_out",
    "new_token",
    "open_sessions",
    "revoke_token",
    "seen",
    "sees",
    "set_password",
    "set_role",
    "set_territory",
    "tokens",
    "wait",
]
