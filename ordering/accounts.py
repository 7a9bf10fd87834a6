"""Who may do what: roles, what each role may do, and the person that an entry point acts for. Pure: no SQL, no clock."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from ordering.errors import TrueOrderError


class Role(StrEnum):
    """What a user is to the company."""

    RETAILER = "retailer"
    ACCOUNT_MANAGER = "account_manager"
    HEADQUARTERS = "headquarters"
    ADMINISTRATOR = "administrator"
    SERVICE = "service"


class Permission(StrEnum):
    """What a person may do; of which retailers, `Person` says. Scopes of tokens bear the same names."""

    ORDER = "order.place"
    READ_SHOP = "shop.read"
    READ_SUGGESTIONS = "suggestions.read"
    DECIDE = "suggestions.decide"
    READ_FLAGS = "flags.read"
    ANSWER = "flags.answer"
    SPEAK = "care.speak"
    COMPLAIN = "complaints.open"
    READ_CARE = "care.read"
    CARE = "complaints.handle"
    VISIT = "visits.keep"
    READ_RATES = "rates.read"
    EXPORT = "city.export"
    IMPORT = "city.import"
    PUBLISH_STRATEGY = "strategy.publish"
    RATE_STARS = "stars.rate"
    PUBLISH = "proposal.publish"
    CORRECT = "orders.correct"
    READ_RUNS = "runs.read"
    RERUN = "runs.start"
    WHAT_IF = "runs.what_if"
    MANAGE_USERS = "users.manage"
    READ_SETTINGS = "settings.read"
    READ_AUDIT = "audit.read"
    PRIVACY = "privacy.manage"
    READ_METRICS = "metrics.read"


P, R = Permission, Role
MAY: Mapping[Role, frozenset[Permission]] = MappingProxyType({
    R.RETAILER: frozenset({
        P.ORDER, P.READ_SHOP, P.READ_SUGGESTIONS, P.READ_FLAGS, P.SPEAK, P.COMPLAIN, P.READ_CARE,
    }),
    R.ACCOUNT_MANAGER: frozenset({
        P.READ_SHOP, P.READ_SUGGESTIONS, P.DECIDE, P.READ_FLAGS, P.ANSWER, P.VISIT, P.COMPLAIN, P.READ_CARE, P.CARE, P.READ_RATES,
    }),
    R.HEADQUARTERS: frozenset({
        P.READ_SHOP, P.READ_SUGGESTIONS, P.READ_FLAGS, P.READ_CARE, P.CARE, P.READ_RATES, P.EXPORT, P.IMPORT, P.PUBLISH_STRATEGY,
        P.RATE_STARS, P.PUBLISH, P.CORRECT, P.READ_RUNS, P.RERUN, P.WHAT_IF,
    }),
    R.ADMINISTRATOR: frozenset({P.MANAGE_USERS, P.READ_SETTINGS, P.READ_AUDIT, P.PRIVACY, P.READ_RUNS, P.READ_METRICS}),
    R.SERVICE: frozenset({
        P.ORDER, P.READ_SHOP, P.READ_SUGGESTIONS, P.READ_FLAGS, P.SPEAK, P.COMPLAIN, P.READ_CARE, P.READ_RATES, P.EXPORT, P.IMPORT,
        P.READ_RUNS, P.RERUN, P.READ_METRICS,
    }),
})  # fmt: skip
"""What each role may do. docs/privacy.md shows the same matrix, and a test holds the two together."""

EVERYWHERE = frozenset({Role.HEADQUARTERS, Role.SERVICE})
"""Roles that see every retailer; an administrator sees none."""

WORDS: Mapping[Role, tuple[str, str]] = MappingProxyType({
    R.RETAILER: ("Orders for its own shop, and sees only its own.", "零售户：只为自己的店订货，只看自己的数据。"),
    R.ACCOUNT_MANAGER: ("Sees its retailers, decides on suggestions, answers flags.", "客户经理：查看辖区，审核建议，答复标记。"),
    R.HEADQUARTERS: ("Reads everything, publishes the strategy, runs again.", "总部：查看全部数据，发布投放策略，重新运行。"),
    R.ADMINISTRATOR: ("Manages users and reads the audit; takes no business decision.", "管理员：管理用户，查看审计，不作业务决定。"),
    R.SERVICE: ("A program, by a token with named scopes.", "服务：程序凭令牌在指定范围内访问。"),
})  # fmt: skip
"""Every role with its words in English and Chinese."""


PERMITS: Mapping[Permission, tuple[str, str]] = MappingProxyType({
    P.ORDER: ("Asks for quotes, orders, and takes orders back, for the shops it sees.", "询问可订量、下单、撤单，限所见的店。"),
    P.READ_SHOP: ("Reads caps, orders, what was given and why, of the shops it sees.", "查看限量、订单、所得及原因，限所见的店。"),
    P.READ_SUGGESTIONS: ("Reads suggestions and what was decided on them.", "查看建议订货量及其处理。"),
    P.DECIDE: ("Decides on suggestions; takes decisions back.", "处理建议，撤销处理。"),
    P.READ_FLAGS: ("Reads flags and their grounds.", "查看标记及其依据。"),
    P.ANSWER: ("Answers flags.", "答复标记。"),
    P.SPEAK: ("Answers the survey and adds words to complaints, for its own shop.", "为自己的店填写问卷、补充投诉。"),
    P.COMPLAIN: ("Opens complaints of the shops it sees.", "为所见的店提出投诉。"),
    P.READ_CARE: ("Reads surveys and complaints of the shops it sees.", "查看所见零售户的问卷与投诉。"),
    P.CARE: ("Follows complaints up, closes them and opens them again.", "跟进、办结、重新受理投诉。"),
    P.VISIT: ("Sees whom to visit, writes down visits and stock counts.", "查看拜访计划，登记拜访与盘点。"),
    P.READ_RATES: ("Reads rates and reports.", "查看指标与报告。"),
    P.EXPORT: ("Exports results of the whole city.", "导出全市结果。"),
    P.IMPORT: ("Loads city folders.", "导入城市文件夹。"),
    P.PUBLISH_STRATEGY: ("Publishes a week's caps, and takes them back.", "发布与撤回一周限量。"),
    P.RATE_STARS: ("Rates the retailers.", "评定零售户星级。"),
    P.PUBLISH: ("Publishes proposals, puts them aside and takes them up again.", "发布、搁置、恢复分配方案。"),
    P.CORRECT: ("Cancels and restores orders of anybody, recalls cartons after a cut of supply.", "撤单、恢复订单，货源削减后收回。"),
    P.READ_RUNS: ("Reads runs, their steps and problems.", "查看运行、步骤与问题。"),
    P.RERUN: ("Starts runs, and retries them.", "启动与重试运行。"),
    P.WHAT_IF: ("Looks at another policy or supply; nothing is stored.", "按其他策略或货源试算，不保存。"),
    P.MANAGE_USERS: ("Adds users, changes roles and territories, ends sessions and tokens.", "增加用户，改角色与辖区，结束会话与令牌。"),
    P.READ_SETTINGS: ("Reads the settings and where each comes from.", "查看设置及其来源。"),
    P.READ_AUDIT: ("Reads the audit.", "查看审计记录。"),
    P.PRIVACY: ("Gives personal data out, deletes them, reads who looked.", "提供、删除个人数据，查看访问记录。"),
    P.READ_METRICS: ("Reads the service's figures for monitoring.", "查看服务的监控数字。"),
})  # fmt: skip
"""Every permission with its words in English and Chinese."""


Territory: TypeAlias = Mapping[str, frozenset[str]]
"""Part of a city: the retailers that have any of these values, by dimension of rates."""


@dataclass(frozen=True)
class Person:
    """Who acts. `retailer_id`: whose shop it is (RETAILER). `managers`, `districts`: whose retailers are theirs (ACCOUNT_MANAGER).

    `scopes`: what the token that was shown is good for, of what the role may; None: all of it.
    """

    user_id: int
    name: str
    role: Role
    retailer_id: str | None = None
    managers: frozenset[str] = frozenset()
    districts: frozenset[str] = frozenset()
    scopes: frozenset[Permission] | None = None

    def may(self, permission: Permission) -> bool:
        """True where the role, and the token if one was shown, allow it. Of which retailers is another question: `sees`."""
        return permission in MAY[self.role] and (self.scopes is None or permission in self.scopes)

    @property
    def territory(self) -> Territory | None:
        """Whose retailers' rates are this person's; None: those of the whole city. Without a territory they are nobody's."""
        if self.role in EVERYWHERE:
            return None
        own = {"manager": self.managers, "district": self.districts}
        return {name: values for name, values in own.items() if values} or {"district": frozenset()}


@dataclass(frozen=True)
class Session:
    """A log-in. `secret` goes into the cookie and is shown this once; `csrf` goes into the page and comes back with each act."""

    secret: str
    csrf: str
    person: Person
    expires_at: datetime


def _bytes(text: str) -> bytes:
    """Any text that may come in, also one that is no Unicode."""
    return text.encode("utf-8", "surrogatepass")


def csrf_of(secret: str) -> str:
    """The token against forged requests that belongs to a session: from the secret alone, and the secret cannot be had from it."""
    return hashlib.blake2b(b"csrf", key=_bytes(secret)[:64], digest_size=24).hexdigest()


def hash_of(secret: str) -> str:
    """What is stored of a session's or token's secret. It holds 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(_bytes(secret)).hexdigest()


def login_of(name: str) -> str:
    """The form in which two user names are one: width, case and outer blanks do not tell users apart."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def is_name(name: str) -> bool:
    """True where a user can be called so: 1 to 100 visible characters."""
    return 0 < len(name) <= 100 and name.isprintable()


def check_name(name: str) -> str:
    """A user name without outer blanks; TrueOrderError where nobody can be called so."""
    found = name.strip()
    if not is_name(found):
        raise TrueOrderError(
            f'user name "{found[:100]}": write 1 to 100 visible characters', f"用户名“{found[:100]}”：请用1至100个可见字符填写"
        )
    return found


CHINESE: Mapping[str, str] = MappingProxyType({
    "by": "经办人", "why": "原因", "label": "用途", "note": "拜访记录", "text": "内容", "outcome": "处理结果", "words": "意见",
})  # fmt: skip
"""What is written, by the names of its fields."""


def said(what: str, text: str, most: int | None = None) -> str:
    """What a person wrote, without outer blanks, its lines ended as everywhere, tabs as blanks.

    Raises TrueOrderError where it says nothing, holds what no database keeps, or has more than `most` characters.
    """
    found, chinese = text.replace("\r\n", "\n").replace("\t", " ").strip(), CHINESE.get(what, what)
    if not found or not found.replace("\n", " ").isprintable():
        raise TrueOrderError(f"{what}: say it in a few visible words", f"{chinese}：请用几个可见的字填写")
    if most is not None and len(found) > most:
        raise TrueOrderError(f"{what}: {len(found)} characters; write {most} at most", f"{chinese}：共{len(found)}字，最多{most}字")
    return found


def scopes_of(role: Role, named: frozenset[str]) -> frozenset[Permission]:
    """The scopes of a token by name. Raises TrueOrderError where one is unknown, or is not the role's to give."""
    known = {p.value for p in MAY[role]}
    if wrong := sorted(named - known):
        raise TrueOrderError(
            f'scope "{wrong[0]}": a token of role {role} may have {", ".join(sorted(known))}',
            f"权限“{wrong[0]}”：此角色的令牌可用的有{', '.join(sorted(known))}",
        )
    if role is Role.SERVICE and not named:
        raise TrueOrderError(
            f"scope: a token of a service names what it is good for, of {', '.join(sorted(known))}",
            f"权限：程序用户的令牌须注明用途，可用的有{', '.join(sorted(known))}",
        )
    return frozenset(Permission(name) for name in named)
