"""The kinds of made-up city: who orders how, which brands are short, and what evidence there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HABITS = (
    "honest", "divider", "doubler", "cap_typist", "follower", "rounder", "panicker", "scripted", "hoarder", "reseller",
    "ratchet", "ring", "anchored", "unseen_1", "unseen_2", "unseen_3", "unseen_4", "unseen_5", "unseen_6",
)  # fmt: skip
"""How a retailer may order, by number; see sample_habits.py, and sample_unseen.py for the last six."""

MIXED: Mapping[str, float] = {
    "honest": 0.44, "divider": 0.14, "doubler": 0.09, "cap_typist": 0.08, "follower": 0.05, "rounder": 0.05, "panicker": 0.05,
    "scripted": 0.04, "hoarder": 0.04, "reseller": 0.02,
}  # fmt: skip
HONEST: Mapping[str, float] = {"honest": 1.0}


@dataclass(frozen=True)
class Regimes:
    """Shares of the brands by how their supply behaves; what is left over is ample."""

    tight: float = 0.28
    alternating: float = 0.2
    balanced: float = 0.17
    new: float = 0.08


@dataclass(frozen=True)
class Kind:
    """One kind of city. `churn`: share of brands launched or withdrawn in its time; `turnover`: of shops opened or closed."""

    description: str
    habits: Mapping[str, float] = field(default_factory=lambda: MIXED)
    regimes: Regimes = Regimes()
    churn: float = 0.1
    turnover: float = 0.04
    resale_prone: float = 0.08
    generous: float = 1.0  # how far caps, quotas and limits stand above what they would be
    evidence: bool = True


KINDS: Mapping[str, Kind] = {
    "mixed": Kind("honest and inflating retailers, tight and ample brands side by side"),
    "honest_ample": Kind("everybody asks what they need, and nothing is short", HONEST, Regimes(0, 0, 0, 0), 0.04, generous=4.0),
    "honest_short": Kind("everybody asks what they need, though much is short", HONEST, Regimes(0.45, 0.2, 0.15, 0.05)),
    "inflating": Kind(
        "four retailers in five inflate their requests, in many ways",
        {name: share * (0.2 / 0.44 if name == "honest" else 0.8 / 0.56) for name, share in MIXED.items()},
    ),
    "resellers": Kind(
        "a third of the retailers buy all they can of what sells on elsewhere",
        {"honest": 0.45, "reseller": 0.35, "divider": 0.1, "hoarder": 0.05, "doubler": 0.05},
        resale_prone=0.3,
    ),
    "always_short": Kind("no brand ever leaves shortage", regimes=Regimes(1, 0, 0, 0)),
    "churn": Kind("half of the brands are launched or withdrawn, and many shops open or close", churn=0.5, turnover=0.2),
    "no_evidence": Kind("no till reports and no stock counts", evidence=False),
    "stubborn": Kind(
        "retailers who never ask for less than before, take turns, or cling to the most they ever got",
        {"honest": 0.4, "ratchet": 0.2, "ring": 0.2, "anchored": 0.2},
    ),
    "unseen": Kind("ways of ordering that are in no other kind", {"honest": 0.4, **{f"unseen_{number}": 0.1 for number in range(1, 7)}}),
}
"""The kinds of city by name."""
