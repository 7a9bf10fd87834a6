"""Passwords: which are refused, and how they are hashed (argon2id, RFC 9106)."""

from __future__ import annotations

import unicodedata
from functools import cache

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from ordering.accounts import login_of
from ordering.errors import TrueOrderError
from ordering.service_settings import AccountSettings

LONGEST = 512
FEWEST_KINDS = 5
"""Different characters at least: "aaaaaaaaaaaa" and "121212121212" are long, and among the first to be guessed."""


@cache
def _hasher(memory_kib: int, passes: int, lanes: int) -> argon2.PasswordHasher:
    return argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)


def _of(rules: AccountSettings) -> argon2.PasswordHasher:
    return _hasher(rules.argon2_memory_kib, rules.argon2_passes, rules.argon2_lanes)


@cache
def _stand_in(memory_kib: int, passes: int, lanes: int) -> str:
    return _hasher(memory_kib, passes, lanes).hash("nobody has this password")


def stand_in(rules: AccountSettings) -> str:
    """A hash to verify against where there is no user, so that it takes as long as where there is one."""
    return _stand_in(rules.argon2_memory_kib, rules.argon2_passes, rules.argon2_lanes)


def check(password: str, name: str, rules: AccountSettings) -> str:
    """A password that may be set; TrueOrderError with the rule it breaks (NIST SP 800-63B: length, and not the name; no mixtures)."""
    if len(password) < rules.least_length:
        raise TrueOrderError(
            f"password: {len(password)} characters; write at least {rules.least_length}, a sentence is best",
            f"密码共{len(password)}个字符；请至少设{rules.least_length}个，一句话最好",
        )
    if len(password) > LONGEST:
        raise TrueOrderError(f"password: longer than {LONGEST} characters", f"密码超过{LONGEST}个字符")
    own = login_of(name)
    if own in login_of(password) and 2 * len(own) > len(password):
        raise TrueOrderError("password: it is the user name, or little more; choose another", "密码与用户名几乎相同，请另设")
    if len(set(password)) < FEWEST_KINDS:
        raise TrueOrderError(
            f"password: fewer than {FEWEST_KINDS} different characters; choose another", f"密码中不同的字符少于{FEWEST_KINDS}个，请另设"
        )
    return password


def _bytes(password: str) -> bytes:
    """As it is hashed: the same however the keyboard wrote its characters (full width, accents)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def hashed(password: str, rules: AccountSettings) -> str:
    """What is stored of a password: salted, slow to compute, with the parameters in it."""
    return _of(rules).hash(_bytes(password))


def matches(stored: str, password: str, rules: AccountSettings) -> bool:
    """True where `stored` was made of this password. Takes as long for a wrong one; a hash that cannot be read matches nothing."""
    try:
        return _of(rules).verify(stored, _bytes(password[:LONGEST])) and len(password) <= LONGEST
    except (VerificationError, InvalidHashError):
        return False


def outdated(stored: str, rules: AccountSettings) -> bool:
    """True where the settings ask for other parameters now: hash it again while the password is at hand."""
    return _of(rules).check_needs_rehash(stored)
