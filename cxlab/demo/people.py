"""Who the customers of the simulated company are: what the CRM knows of them, and what nobody exports."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from cxlab.demo.truth import CLOSED, EXPORTED, FEWEST_CUSTOMERS, OPENED, TENURE_BOUNDS, TRUTH, Fieldwork

_OLDEST_YEARS = 12
_NEWEST_INVITED_DAYS = 60  # nobody is asked in their first two months
_TWO_YEARS = 730
_SALES_DAYS = 18  # in a shop orders wait for activation this long on average, elsewhere a tenth of it


def stream(random_state: int, name: str) -> np.random.Generator:
    """A stream of chance of its own for each named purpose: a further export leaves the others' bytes as they are."""
    return np.random.default_rng([random_state, zlib.crc32(name.encode())])


def population(customers: int, random_state: int) -> pd.DataFrame:
    """One row a customer: what the CRM knows, and what nobody exports (segment, goodwill, style, careless, treated).

    `start` and `end` are the days (ordinals) of ordering and leaving, `activated` is the day on which the service began.
    Lifetimes are exponential around a mean that goodwill and segment decide, and joiners come evenly.
    """
    if customers < FEWEST_CUSTOMERS:
        raise ValueError(
            f"`customers` must be at least {FEWEST_CUSTOMERS}, got {customers}: a wave needs about 50 answers"
        )
    rng = stream(random_state, "population")
    start = np.sort(_start_days(customers, rng))
    number = np.arange(1, customers + 1)
    people = pd.DataFrame(
        {
            "number": number,
            "customer_id": [f"C{i:06d}" for i in number],
            "plan": drawn(TRUTH.plans, customers, rng),
            "region": drawn(TRUTH.regions, customers, rng),
            "segment": drawn(TRUTH.segments, customers, rng),
            "start": start,
            "goodwill": rng.standard_normal(customers),
            "style": TRUTH.answering_style * rng.standard_normal(customers),
            "shop": rng.random(customers) < TRUTH.shops,
            "careless": rng.random(customers) < TRUTH.faults.careless,
        }
    )
    factors = people["segment"].map(TRUTH.lifetime_factors) * np.exp(TRUTH.lifetime_of_goodwill * people["goodwill"])
    lifetime = rng.exponential(TRUTH.mean_lifetime_years * 365.25 * factors.to_numpy())
    people["end"] = np.maximum(start, day(OPENED)) + 30 + lifetime.astype(int)
    people = pd.concat([people, _complaints(people, rng)], axis=1)
    leaving = people["leaves_over_it"]
    people["end"] = people["end"].where(~leaving, people["complained"] + rng.integers(5, 60, customers))
    waited = np.where(people["shop"], _SALES_DAYS, _SALES_DAYS / 10) * rng.gamma(4, 0.25, customers)
    people["activated"] = people["start"] + 1 + waited.astype(int)
    return people.assign(**_accounts(people, rng))


def _complaints(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """At most one complaint a customer: the days of complaining and of the resolution (0: none), and who leaves over it."""
    n = len(people)
    first = np.maximum(people["start"].to_numpy() + 20, day(OPENED))
    last = np.minimum(people["end"].to_numpy(), day(CLOSED) - 1)
    chance = people["segment"].map(TRUTH.complaints).to_numpy() * np.clip((last - first) / _TWO_YEARS, 0, 1)
    complained = np.where(rng.random(n) < chance, first + (rng.random(n) * np.maximum(last - first, 1)).astype(int), 0)
    solved = rng.random(n) < TRUTH.resolved
    waits = 1 + rng.gamma(2.0, 2.5, n).astype(int)
    over_it = (complained > 0) & ~solved & (rng.random(n) < TRUTH.leave_unresolved)
    resolution = np.where((complained > 0) & solved & (complained + waits <= last), complained + waits, 0)
    return pd.DataFrame({"complained": complained, "resolution": resolution, "leaves_over_it": over_it}, people.index)


def _accounts(people: pd.DataFrame, rng: np.random.Generator) -> dict[str, pd.Series]:
    """The accounts of business customers, and which of them got a personal contact."""
    business = people["plan"] == "Business"
    n_accounts = max(int(business.sum()) // TRUTH.contacts_per_account, 1)
    numbers = rng.integers(1, n_accounts + 1, int(business.sum()))
    names = pd.Series([f"B{account:05d}" for account in numbers], index=people.index[business])
    treated = rng.random(n_accounts + 1) < TRUTH.treated_accounts
    contact = pd.Series(treated[numbers], index=names.index)
    return {
        "account_id": names.reindex(people.index),
        "personal_contact": contact.reindex(people.index).fillna(False).astype(bool),
    }


def _start_days(customers: int, rng: np.random.Generator) -> np.ndarray:
    """Days of joining: survivors of older years at the opening, the rest evenly until the export."""
    before = rng.random(customers) < TRUTH.joined_before_opening
    longest = 1 - np.exp(-_OLDEST_YEARS / TRUTH.mean_lifetime_years)
    years = -TRUTH.mean_lifetime_years * np.log1p(-longest * rng.random(customers))
    since = rng.integers(0, day(EXPORTED) - day(OPENED), customers)
    return day(OPENED) + np.where(before, -1 - (365.25 * years).astype(int), since)


def day(moment: date) -> int:
    return moment.toordinal()


def dates(days: pd.Series | np.ndarray) -> list[date]:
    return [date.fromordinal(int(one)) for one in days]


def drawn(shares: Mapping[str, float], n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(np.array(list(shares), dtype=object), n, p=list(shares.values()))


def could_be_invited(people: pd.DataFrame, fieldwork: Fieldwork) -> pd.Series:
    """Customers on the first day of a fieldwork who have been there for two months."""
    today = day(fieldwork.first_day)
    return (people["start"] <= today - _NEWEST_INVITED_DAYS) & (people["end"] > today)


def tenure_band(people: pd.DataFrame, fieldwork: Fieldwork) -> np.ndarray:
    """Position in TENURE_BANDS on the first day of a fieldwork."""
    return np.digitize(day(fieldwork.first_day) - people["start"], TENURE_BOUNDS)


def goodwill_at(people: pd.DataFrame, band: np.ndarray) -> np.ndarray:
    """Goodwill with the effect of tenure."""
    return people["goodwill"].to_numpy() + np.array(TRUTH.tenure_effects)[band]


def last_day(people: pd.DataFrame) -> np.ndarray:
    """The last day on which something can happen to each customer in the event log."""
    return np.minimum(people["end"].to_numpy(), day(CLOSED) - 1)
