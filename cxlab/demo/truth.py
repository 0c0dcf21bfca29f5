"""Everything that is planted in the simulated company, in one place. docs/simulated-company.md repeats it in words.

Latent means, shifts, effects and weights are on the scale of the latent answer, whose spread is about 1; shares and
rates are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from cxlab.period import Period

LAST_PERIODS = ("2026-Q2", "2026-Q3")
FEWEST_CUSTOMERS = 500
OPENED = date(2024, 10, 1)  # the CRM holds nobody who left before, the event log nothing that happened before
CLOSED = date(2026, 10, 1)  # the event log ends the day before
EXPORTED = date(2026, 10, 12)  # what happens later is in no export

TOUCHPOINTS = ("onboarding", "first_bill", "app", "network", "help", "price")
"""The touchpoints that the surveys ask about. The event log knows more (`cxlab.demo.events`), and not the price."""
NEEDS = ("price", "coverage", "speed", "help", "self_service", "flexibility", "security", "sustainability")
IMAGE = ("reliable", "fair", "modern", "caring", "simple")
FELT_AT = ("onboarding", "first_bill", "app", "help")
TENURE_BANDS = ("under 1 year", "1 to 3 years", "over 3 years")
TENURE_BOUNDS = (365, 3 * 365)  # days


@dataclass(frozen=True)
class Fieldwork:
    """One survey in one quarter. `invited` is the share of all customers, `first_day` the first day of invitations,
    `business` how much likelier a business customer is invited than others."""

    survey: str
    wave: str
    first_day: date
    invited: float
    days: int = 28
    business: float = 1.0

    @property
    def last_answer(self) -> date:
        """The last day of the quarter, after which an answer is late."""
        return Period.parse(self.wave).after - timedelta(days=1)


@dataclass(frozen=True)
class Change:
    """From `wave` on, the latent answer to `item` is moved by `shift` for everybody."""

    item: str
    wave: str
    shift: float


@dataclass(frozen=True)
class Faults:
    """What is wrong with the files, in rows a file (shares: of its answers)."""

    duplicates: int = 4
    unknown_customers: int = 4
    without_customer: int = 2
    late: float = 0.015
    left_blank: float = 0.015
    broken_off: float = 0.03
    header_repeated_in: str = "2025-Q4"
    effort_renamed_in: str = "2026-Q1"
    careless: float = 0.04  # of those who answer a deep dive give one answer to a whole battery
    events_twice: int = 60
    events_without_customer: int = 25
    events_without_time: int = 15


@dataclass(frozen=True)
class Truth:
    """All planted numbers."""

    plans: Mapping[str, float] = field(
        default_factory=lambda: {"Basic": 0.38, "Plus": 0.29, "Family": 0.17, "Business": 0.16}
    )
    regions: Mapping[str, float] = field(
        default_factory=lambda: {"North": 0.35, "Centre": 0.30, "Süd": 0.22, "Île": 0.13}
    )
    segments: Mapping[str, float] = field(
        default_factory=lambda: {
            "savers": 0.30,
            "connected": 0.25,
            "cared_for": 0.18,
            "independent": 0.15,
            "guardians": 0.12,
        }
    )
    contacts_per_account: int = 8
    shops: float = 0.35  # order in a shop, the others online or by telephone
    joined_before_opening: float = 0.75
    mean_lifetime_years: float = 6.0
    lifetime_of_goodwill: float = 0.35  # the mean lifetime is multiplied by exp(this × goodwill) …
    lifetime_factors: Mapping[str, float] = field(  # … and by this
        default_factory=lambda: {
            "savers": 0.6,
            "connected": 1.0,
            "cared_for": 1.2,
            "independent": 1.0,
            "guardians": 1.6,
        }
    )
    complaints: Mapping[str, float] = field(  # chance of a complaint in two years
        default_factory=lambda: {
            "savers": 0.20,
            "connected": 0.22,
            "cared_for": 0.30,
            "independent": 0.14,
            "guardians": 0.18,
        }
    )
    resolved: float = 0.72  # of the complaints; the others are handed from help to billing and never answered
    leave_unresolved: float = 0.55  # of those whose complaint is never answered leave within two months
    response_rates: tuple[float, float, float] = (0.25, 0.36, 0.48)  # by tenure band
    tenure_effects: tuple[float, float, float] = (-0.35, 0.0, 0.20)  # on goodwill, by tenure band
    fieldworks: tuple[Fieldwork, ...] = (
        Fieldwork("deep_dive", "2025-Q4", date(2025, 10, 6), 0.19, 14, business=2.3),
        Fieldwork("tracking", "2025-Q4", date(2025, 11, 10), 0.22),
        Fieldwork("tracking", "2026-Q1", date(2026, 2, 9), 0.22),
        Fieldwork("tracking", "2026-Q2", date(2026, 5, 11), 0.22),
        Fieldwork("deep_dive", "2026-Q3", date(2026, 7, 6), 0.19, 14, business=2.3),
        Fieldwork("tracking", "2026-Q3", date(2026, 8, 10), 0.22, business=2.0),
    )
    changes: tuple[Change, ...] = (
        Change("satisfaction_first_bill", "2026-Q3", -0.36),
        Change("effort", "2026-Q3", 0.18),
    )
    means: Mapping[str, float] = field(
        default_factory=lambda: {
            "recommend": 0.10,
            "overall": 0.15,
            "effort": 0.10,
            "satisfaction_onboarding": 0.35,
            "satisfaction_first_bill": 0.0,
            "satisfaction_app": 0.25,
            "satisfaction_network": 0.35,
            "satisfaction_help": -0.10,
            "satisfaction_price": -0.20,
        }
    )
    business_price: float = -1.2  # on the satisfaction of business customers with the price: nothing of it changes
    shop_onboarding: float = -0.8  # on the satisfaction with getting started of those who ordered in a shop
    touchpoint_goodwill: float = 0.5
    touchpoint_noise: float = 0.8
    recommend_weights: tuple[float, ...] = (0.12, 0.46, 0.0, 0.27, 0.24, 0.16)  # in the order of TOUCHPOINTS; app: none
    recommend_noise: float = 0.75
    overall_goodwill: float = 0.6
    overall_noise: float = 0.8
    effort_goodwill: float = 0.4
    effort_noise: float = 0.9
    panel: float = 0.18  # of those invited to the older deep dive who are still there, invited to the newer one again; nobody moved
    not_used: tuple[float, ...] = (0.30, 0.05, 0.12, 0.01, 0.45, 0.02)  # answers 99, in the order of TOUCHPOINTS
    needs: Mapping[str, tuple[float, ...]] = field(  # by segment, in the order of NEEDS
        default_factory=lambda: {
            "savers": (1.5, 0.0, -0.5, -0.2, 0.0, 0.7, -0.9, -0.6),
            "connected": (-0.5, 1.2, 1.4, -0.7, 0.1, -0.3, -0.3, -0.9),
            "cared_for": (-0.1, 0.3, -0.8, 1.6, -1.3, -0.4, 0.6, 0.1),
            "independent": (0.1, -0.4, 0.3, -1.3, 1.4, 1.0, -0.5, -0.6),
            "guardians": (-0.6, -0.3, -0.6, 0.0, -0.6, -0.7, 1.5, 1.3),
        }
    )
    answering_style: float = 0.5  # spread of a customer's own tendency to call everything important
    needs_noise: float = 0.6
    expectation_means: tuple[float, ...] = (0.6, 0.9, 0.7, 1.1, 0.8, 0.5)  # in the order of TOUCHPOINTS
    expectation_noise: float = 0.6
    staff_means: tuple[float, ...] = (
        0.45,
        1.3,
        0.35,
        0.5,
        1.1,
        -0.1,
    )  # what staff believe, in the order of TOUCHPOINTS
    staff: int = 150
    staff_noise: float = 0.7
    image_means: tuple[float, ...] = (0.6, -0.2, 0.3, 0.1, -0.1)  # in the order of IMAGE
    effort_at: Mapping[str, float] = field(default_factory=lambda: {"onboarding": 0.0, "help": -0.3})
    goals: Mapping[str, float] = field(default_factory=lambda: {"onboarding": 1.1, "help": 0.5})
    problems: Mapping[str, float] = field(default_factory=lambda: {"onboarding": -0.9, "help": -0.4})
    enjoyment: Mapping[str, float] = field(default_factory=lambda: {"onboarding": 0.1, "help": -0.1})
    # what an account got in spring 2026, and what it did to overall satisfaction in the deep dive after it
    personal_contact: float = 0.9
    newsletter: float = 0.0
    treated_accounts: float = 0.25  # share of the accounts that got each
    faults: Faults = Faults()

    def shift(self, item: str, wave: str) -> float:
        """By how much all planted changes up to this wave have moved an item."""
        return sum(change.shift for change in self.changes if change.item == item and change.wave <= wave)

    def fieldwork(self, survey: str) -> list[Fieldwork]:
        return [fieldwork for fieldwork in self.fieldworks if fieldwork.survey == survey]


TRUTH = Truth()
