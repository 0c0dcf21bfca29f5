"""The simulated company: what its systems export, over one population whose truth is known.

`write_demo` writes the exports of a fictional subscription company in the shapes that real systems give, faults included.
`expected` says what every tracked figure truly is, so that a report on these files can be held against it. All planted
numbers stand in `Truth`; docs/simulated-company.md repeats them in words. Nobody in these files exists.

How an answer comes about: a customer brings goodwill (fixed, plus an effect of tenure). Each question adds its own mean
and chance to it, and the sum is cut into the scale's answers (an ordered probit). Satisfaction with the touchpoints
feeds the recommendation, so a touchpoint that gets worse takes the recommendation along; no other question follows.

Each export is one function and draws from its own stream of chance, so that a further export leaves the others' bytes
as they are.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from openpyxl import Workbook
from scipy.special import ndtr

from cxlab.period import Period

LAST_PERIODS = ("2026-Q2", "2026-Q3")
FEWEST_CUSTOMERS = 500

TOUCHPOINTS = ("onboarding", "first_bill", "app", "network", "help", "price")
NEEDS = ("price", "coverage", "speed", "help", "self_service", "flexibility", "security", "sustainability")
TENURE_BANDS = ("under 1 year", "1 to 3 years", "over 3 years")
_TENURE_BOUNDS = (365, 3 * 365)  # days

_CUTS = {  # where the latent answer is cut; one cut fewer than answers
    "0 to 10": (-2.6, -2.4, -2.2, -1.95, -1.7, -1.3, -0.95, -0.5, 0.2, 0.9),
    "1 to 5": (-1.9, -1.2, -0.4, 0.7),
    "1 to 7": (-2.1, -1.5, -1.0, -0.4, 0.3, 1.1),
}


@dataclass(frozen=True)
class Fieldwork:
    """One survey in one quarter. `invited` is the share of all customers, `first_day` the first day of invitations."""

    survey: str
    wave: str
    first_day: date
    invited: float
    days: int = 28

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
    """What is wrong with the tracking files, in rows a file (shares: of its answers)."""

    duplicates: int = 4
    unknown_customers: int = 4
    without_customer: int = 2
    late: float = 0.015
    left_blank: float = 0.015
    broken_off: float = 0.03
    header_repeated_in: str = "2025-Q4"
    effort_renamed_in: str = "2026-Q1"


@dataclass(frozen=True)
class Truth:
    """Everything that is planted. Latent means, shifts and loadings are on the scale of the latent answer (its spread
    is about 1); shares and rates are 0 to 1."""

    plans: Mapping[str, float] = field(
        default_factory=lambda: {"Basic": 0.40, "Plus": 0.30, "Family": 0.18, "Business": 0.12}
    )
    regions: Mapping[str, float] = field(
        default_factory=lambda: {"North": 0.35, "Centre": 0.30, "Süd": 0.22, "Île": 0.13}
    )
    segments: Mapping[str, float] = field(
        default_factory=lambda: {"savers": 0.35, "connected": 0.30, "cared_for": 0.20, "independent": 0.15}
    )
    contacts_per_account: int = 4
    joined_before_opening: float = 0.75
    mean_lifetime_years: float = 6.0
    response_rates: tuple[float, float, float] = (0.25, 0.36, 0.48)  # by tenure band
    tenure_effects: tuple[float, float, float] = (-0.35, 0.0, 0.20)  # on goodwill, by tenure band
    fieldworks: tuple[Fieldwork, ...] = (
        Fieldwork("tracking", "2025-Q4", date(2025, 11, 10), 0.26),
        Fieldwork("tracking", "2026-Q1", date(2026, 2, 9), 0.26),
        Fieldwork("deep_dive", "2026-Q2", date(2026, 4, 20), 0.08, 14),
        Fieldwork("tracking", "2026-Q2", date(2026, 5, 11), 0.26),
        Fieldwork("tracking", "2026-Q3", date(2026, 8, 10), 0.26),
    )
    changes: tuple[Change, ...] = (
        Change("satisfaction_first_bill", "2026-Q3", -0.42),
        Change("effort", "2026-Q3", 0.18),
    )
    means: Mapping[str, float] = field(
        default_factory=lambda: {
            "recommend": 0.10,
            "overall": 0.15,
            "effort": 0.10,
            "satisfaction_onboarding": 0.20,
            "satisfaction_first_bill": 0.0,
            "satisfaction_app": 0.25,
            "satisfaction_network": 0.35,
            "satisfaction_help": -0.10,
            "satisfaction_price": -0.30,
        }
    )
    touchpoint_goodwill: float = 0.5
    touchpoint_noise: float = 0.8
    recommend_weights: tuple[float, ...] = (0.10, 0.37, 0.10, 0.25, 0.20, 0.15)  # in the order of TOUCHPOINTS
    recommend_goodwill: float = 0.35
    recommend_noise: float = 0.6
    overall_goodwill: float = 0.6
    overall_noise: float = 0.8
    effort_goodwill: float = 0.4
    effort_noise: float = 0.9
    not_used: tuple[float, ...] = (0.30, 0.05, 0.12, 0.01, 0.45, 0.02)  # answers 99, in the order of TOUCHPOINTS
    needs: Mapping[str, tuple[float, ...]] = field(  # by segment, in the order of NEEDS
        default_factory=lambda: {
            "savers": (1.2, 0.0, -0.4, -0.2, 0.1, 0.6, -0.3, -0.4),
            "connected": (-0.2, 1.1, 1.2, -0.4, 0.2, 0.0, 0.1, -0.3),
            "cared_for": (-0.1, 0.2, -0.4, 1.3, -0.9, -0.3, 0.7, 0.1),
            "independent": (0.1, -0.2, 0.2, -0.9, 1.2, 0.9, 0.3, 0.6),
        }
    )
    answering_style: float = 0.5  # spread of a customer's own tendency to call everything important
    needs_noise: float = 0.7
    expectation_means: tuple[float, ...] = (0.6, 0.9, 0.7, 1.1, 0.8, 0.5)  # in the order of TOUCHPOINTS
    expectation_noise: float = 0.6
    faults: Faults = Faults()

    def shift(self, item: str, wave: str) -> float:
        """By how much all planted changes up to this wave have moved an item."""
        return sum(change.shift for change in self.changes if change.item == item and change.wave <= wave)

    def fieldwork(self, survey: str) -> list[Fieldwork]:
        return [fieldwork for fieldwork in self.fieldworks if fieldwork.survey == survey]


TRUTH = Truth()
OPENED = date(2025, 1, 1)  # the CRM holds nobody who left before
EXPORTED = date(2026, 10, 12)  # what happens later is in no export
_OLDEST_YEARS = 12
_NEWEST_INVITED_DAYS = 60  # nobody is asked in their first two months


def write_demo(root: Path, *, customers: int = 20_000, random_state: int = 2026) -> Path:
    """Write the company's exports and its study.toml into data/raw/demo/ and return that folder.

    The same `customers` and `random_state` give the same bytes in every file. Files of an earlier call are replaced;
    `decisions/` and whatever else lies in the folder stay. Raises ValueError below 500 customers, where a wave would
    have too few answers to say anything.
    """
    population = _population(customers, random_state)
    invitations = _invitations(population, random_state)
    folder = Path(root) / "data" / "raw" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    _write_customers(folder / "customers.xlsx", population)
    _write_invitations(folder / "invitations.csv", invitations)
    for fieldwork in TRUTH.fieldworks:
        answers = _survey(population, invitations, fieldwork, random_state)
        path = folder / f"{fieldwork.survey}_{fieldwork.wave}.csv"
        if fieldwork.survey == "tracking":
            _write_tracking(path, answers, fieldwork, _stream(random_state, f"faults {fieldwork.wave}"))
        else:
            _write_deep_dive(path, answers)
    (folder / "study.toml").write_bytes(files("cxlab").joinpath("demo_study.toml").read_bytes())
    return folder


def expected(customers: int = 20_000, *, random_state: int = 2026) -> pd.DataFrame:
    """What each survey question truly is: one row a survey, wave and item.

    Columns: survey, wave, item, metric (nps, top_box: share of the two highest answers in percent, mean), `population`
    (the average over all customers who could be invited) and `answering` (what respondents give on average without
    weights, because those who have been customers for longer answer more). Both are computed from the model, not
    from answers; they leave out the chance of who is drawn and what they tick.
    """
    population = _population(customers, random_state)
    rows = []
    for fieldwork in TRUTH.fieldworks:
        people = population[_could_be_invited(population, fieldwork)]
        rates = _response_rates(people, fieldwork)
        for item, (centre, spread) in _centres(people, fieldwork).items():
            metric, values = _expected_scores(item, centre, spread)
            about = {"survey": fieldwork.survey, "wave": fieldwork.wave, "item": item, "metric": metric}
            rows.append(about | {"population": values.mean(), "answering": np.average(values, weights=rates)})
    return pd.DataFrame(rows)


def _expected_scores(item: str, centre: np.ndarray, spread: float) -> tuple[str, np.ndarray]:
    """The metric of an item, and each customer's expected contribution to it."""
    scale = _scale(item)
    above = ndtr((centre[:, None] - np.array(_CUTS[scale])) / spread)  # P(answer lies above each cut)
    if item == "recommend":
        return "nps", 100 * (above[:, 8] - (1 - above[:, 6]))  # 9 and 10 less 0 to 6
    if scale == "1 to 5" and not item.startswith(("need", "expectation")):
        return "top_box", 100 * above[:, 2]
    return "mean", 1 + above.sum(axis=1)


def _scale(item: str) -> str:
    return {"recommend": "0 to 10", "effort": "1 to 7"}.get(item, "1 to 5")


# --------------------------------------------------------------------------------------------------------- population


def _stream(random_state: int, name: str) -> np.random.Generator:
    """A stream of chance of its own for each named purpose."""
    return np.random.default_rng([random_state, zlib.crc32(name.encode())])


def _population(customers: int, random_state: int) -> pd.DataFrame:
    """One row a customer: what the CRM knows, and what nobody exports (segment, goodwill, style, day of leaving).

    Lifetimes are exponential and joiners come evenly, so the mix of tenures hardly moves between the waves.
    """
    if customers < FEWEST_CUSTOMERS:
        raise ValueError(
            f"`customers` must be at least {FEWEST_CUSTOMERS}, got {customers}: a wave needs about 50 answers"
        )
    rng = _stream(random_state, "population")
    start = np.sort(_start_days(customers, rng))
    lifetime = rng.exponential(TRUTH.mean_lifetime_years * 365.25, customers)
    number = np.arange(1, customers + 1)
    people = pd.DataFrame(
        {
            "number": number,
            "customer_id": [f"C{i:06d}" for i in number],
            "plan": _drawn(TRUTH.plans, customers, rng),
            "region": _drawn(TRUTH.regions, customers, rng),
            "segment": _drawn(TRUTH.segments, customers, rng),
            "start": start,
            "end": np.maximum(start, _day(OPENED)) + 30 + lifetime.astype(int),
            "goodwill": rng.standard_normal(customers),
            "style": TRUTH.answering_style * rng.standard_normal(customers),
        }
    )
    business = people["plan"] == "Business"
    n_accounts = max(int(business.sum()) // TRUTH.contacts_per_account, 1)
    accounts = [f"B{account:05d}" for account in rng.integers(1, n_accounts + 1, int(business.sum()))]
    people["account_id"] = pd.Series(accounts, index=people.index[business]).reindex(people.index)
    return people


def _start_days(customers: int, rng: np.random.Generator) -> np.ndarray:
    """Days of joining: survivors of older years at the opening, the rest evenly until the export."""
    before = rng.random(customers) < TRUTH.joined_before_opening
    longest = 1 - np.exp(-_OLDEST_YEARS / TRUTH.mean_lifetime_years)
    years = -TRUTH.mean_lifetime_years * np.log1p(-longest * rng.random(customers))
    since = rng.integers(0, _day(EXPORTED) - _day(OPENED), customers)
    return _day(OPENED) + np.where(before, -1 - (365.25 * years).astype(int), since)


def _day(day: date) -> int:
    return day.toordinal()


def _dates(days: pd.Series | np.ndarray) -> list[date]:
    return [date.fromordinal(int(day)) for day in days]


def _drawn(shares: Mapping[str, float], n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(np.array(list(shares), dtype=object), n, p=list(shares.values()))


def _could_be_invited(people: pd.DataFrame, fieldwork: Fieldwork) -> pd.Series:
    """Customers on the first day of a fieldwork who have been there for two months."""
    today = _day(fieldwork.first_day)
    return (people["start"] <= today - _NEWEST_INVITED_DAYS) & (people["end"] > today)


def _tenure_band(people: pd.DataFrame, fieldwork: Fieldwork) -> np.ndarray:
    """Position in TENURE_BANDS on the first day of a fieldwork."""
    return np.digitize(_day(fieldwork.first_day) - people["start"], _TENURE_BOUNDS)


def _response_rates(people: pd.DataFrame, fieldwork: Fieldwork) -> np.ndarray:
    return np.array(TRUTH.response_rates)[_tenure_band(people, fieldwork)]


# ------------------------------------------------------------------------------------------------------------- answers


def _centres(people: pd.DataFrame, fieldwork: Fieldwork) -> dict[str, tuple[np.ndarray, float]]:
    """For each item of a survey: where each customer's latent answer centres, and its spread around that."""
    goodwill = people["goodwill"].to_numpy() + np.array(TRUTH.tenure_effects)[_tenure_band(people, fieldwork)]
    centres = {}
    for touchpoint in TOUCHPOINTS:
        item = f"satisfaction_{touchpoint}"
        mean = TRUTH.means[item] + TRUTH.shift(item, fieldwork.wave)
        centres[item] = (mean + TRUTH.touchpoint_goodwill * goodwill, TRUTH.touchpoint_noise)
    if fieldwork.survey == "deep_dive":
        style = people["style"].to_numpy()
        profiles = np.array([TRUTH.needs[segment] for segment in people["segment"]])
        for position, need in enumerate(NEEDS):
            centres[f"need_{need}"] = (profiles[:, position] + style, TRUTH.needs_noise)
        for touchpoint, mean in zip(TOUCHPOINTS, TRUTH.expectation_means, strict=True):
            centres[f"expectation_{touchpoint}"] = (mean + style, TRUTH.expectation_noise)
        return centres
    weights = np.array(TRUTH.recommend_weights)
    moved = np.array([TRUTH.shift(f"satisfaction_{touchpoint}", fieldwork.wave) for touchpoint in TOUCHPOINTS])
    pull = TRUTH.recommend_goodwill + TRUTH.touchpoint_goodwill * weights.sum()
    spread = np.hypot(TRUTH.recommend_noise, TRUTH.touchpoint_noise * np.linalg.norm(weights))
    centres["recommend"] = (TRUTH.means["recommend"] + weights @ moved + pull * goodwill, float(spread))
    overall = TRUTH.means["overall"] + TRUTH.overall_goodwill * goodwill
    effort = TRUTH.means["effort"] + TRUTH.shift("effort", fieldwork.wave) + TRUTH.effort_goodwill * goodwill
    return centres | {"overall": (overall, TRUTH.overall_noise), "effort": (effort, TRUTH.effort_noise)}


def _answers(people: pd.DataFrame, fieldwork: Fieldwork, rng: np.random.Generator) -> pd.DataFrame:
    """What these customers tick: one row a customer, one column an item, all answered."""
    centres = _centres(people, fieldwork)
    noise = {item: spread * rng.standard_normal(len(people)) for item, (_, spread) in centres.items()}
    if "recommend" in noise:  # what is felt at the touchpoints is carried into the recommendation
        felt = np.column_stack([noise[f"satisfaction_{touchpoint}"] for touchpoint in TOUCHPOINTS])
        own = TRUTH.recommend_noise * rng.standard_normal(len(people))
        noise["recommend"] = felt @ np.array(TRUTH.recommend_weights) + own
    lowest = {item: 0 if item == "recommend" else 1 for item in centres}
    ticked = {
        item: lowest[item] + np.searchsorted(_CUTS[_scale(item)], centre + noise[item])
        for item, (centre, _) in centres.items()
    }
    return pd.DataFrame(ticked, index=people.index)


def _survey(people: pd.DataFrame, invitations: pd.DataFrame, fieldwork: Fieldwork, random_state: int) -> pd.DataFrame:
    """Those who answered one survey, in the order of their answers: who they are, when, and what they ticked."""
    rng = _stream(random_state, f"answers {fieldwork.survey} {fieldwork.wave}")
    here = (invitations["survey"] == fieldwork.survey) & (invitations["wave"] == fieldwork.wave)
    invited = people.merge(invitations.loc[here, ["customer_id", "invited_at"]], on="customer_id")
    answering = invited[rng.random(len(invited)) < _response_rates(invited, fieldwork)].reset_index(drop=True)
    wait = np.minimum(rng.exponential(3.0, len(answering)), 20.0)
    submitted = answering["invited_at"].dt.normalize() + pd.to_timedelta(wait.astype(int), unit="D")
    if fieldwork.survey == "tracking":
        late = rng.random(len(answering)) < TRUTH.faults.late
        late_day = pd.Timestamp(fieldwork.last_answer) + pd.to_timedelta(rng.integers(1, 11, len(answering)), unit="D")
        submitted = submitted.where(~late, pd.Series(late_day))
    submitted += pd.to_timedelta(rng.integers(9 * 3600, 22 * 3600, len(answering)), unit="s")
    ticked = _answers(answering, fieldwork, rng)
    for position, touchpoint in enumerate(TOUCHPOINTS):
        unused = rng.random(len(answering)) < TRUTH.not_used[position]
        ticked[f"satisfaction_{touchpoint}"] = ticked[f"satisfaction_{touchpoint}"].where(~unused, 99)
    answering = answering.assign(submitted_at=submitted, seconds=rng.integers(90, 600, len(answering)))
    return pd.concat([answering, ticked], axis=1).sort_values(["submitted_at", "customer_id"], ignore_index=True)


# ------------------------------------------------------------------------------------------------------------- exports


def _write_customers(path: Path, people: pd.DataFrame) -> None:
    """The CRM as an Excel workbook. Contact name and e-mail are artificial and there to be dropped on entry."""
    rows: list[Sequence[object]] = [
        ("Customer ID", "Account", "Contact name", "E-mail", "Plan", "Region", "Start date", "End date")
    ]
    ended = people["end"] <= _day(EXPORTED)
    accounts = people["account_id"].astype(object).where(people["account_id"].notna(), None)
    ends = [date.fromordinal(int(end)) if gone else None for end, gone in zip(people["end"], ended, strict=True)]
    rows += zip(
        people["customer_id"],
        accounts,
        [f"Contact {number}" for number in people["number"]],
        [f"customer{number}@example.com" for number in people["number"]],
        people["plan"],
        people["region"],
        _dates(people["start"]),
        ends,
        strict=True,
    )
    path.write_bytes(_workbook("Customers", rows))


def _workbook(sheet: str, rows: Iterable[Sequence[object]]) -> bytes:
    """An Excel workbook without a clock: openpyxl writes the present into its properties and its zip entries."""
    book = Workbook(write_only=True)
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    written, fixed = io.BytesIO(), io.BytesIO()
    book.save(written)
    stamp = f"{EXPORTED.isoformat()}T06:00:00Z".encode()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, content)
            entry = zipfile.ZipInfo(name, (EXPORTED.year, EXPORTED.month, EXPORTED.day, 6, 0, 0))
            target.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()


def _invitations(people: pd.DataFrame, random_state: int) -> pd.DataFrame:
    """Who was invited to what, and when.

    Every customer belongs by chance to one of two halves, and the halves are asked in turn: nobody is asked in two quarters
    running, and neighbouring waves are independent samples. Within its half an invitation is a simple random sample.
    """
    rng = _stream(random_state, "invitations")
    half = rng.integers(0, 2, len(people))
    turns = {wave: number % 2 for number, wave in enumerate(sorted({work.wave for work in TRUTH.fieldworks}))}
    asked_in: dict[str, np.ndarray] = {wave: np.array([], dtype=int) for wave in turns}
    parts = []
    for work in TRUTH.fieldworks:
        pool = np.flatnonzero(_could_be_invited(people, work) & (half == turns[work.wave]))
        pool = np.setdiff1d(pool, asked_in[work.wave])
        chosen = np.sort(rng.choice(pool, min(round(work.invited * len(people)), len(pool)), replace=False))
        asked_in[work.wave] = np.append(asked_in[work.wave], chosen)
        at = pd.Timestamp(work.first_day) + pd.to_timedelta(rng.integers(0, work.days, len(chosen)), unit="D")
        sample = people.iloc[chosen][["customer_id", "plan", "region"]]
        parts.append(sample.assign(survey=work.survey, wave=work.wave, invited_at=at + pd.Timedelta(hours=9)))
    return pd.concat(parts, ignore_index=True).sort_values(["invited_at", "customer_id"], ignore_index=True)


def _write_invitations(path: Path, invitations: pd.DataFrame) -> None:
    """The mailing system's log: one row an invitation, ISO times, with the plan and region of the frame."""
    columns = ["survey", "wave", "customer_id", "invited_at", "plan", "region"]
    table = invitations.assign(invited_at=invitations["invited_at"].dt.strftime("%Y-%m-%d %H:%M"))[columns]
    _write_csv(path, [columns, *table.itertuples(index=False, name=None)])


_TRACKED = {  # column of the export → the item, and the words asked
    "Q1": ("recommend", "How likely are you to recommend us to a friend or colleague?"),
    "Q2": ("overall", "All in all, how satisfied are you with us?"),
    "Q3_1": ("satisfaction_onboarding", "How satisfied are you with … - Getting started"),
    "Q3_2": ("satisfaction_first_bill", "How satisfied are you with … - Your first bill"),
    "Q3_3": ("satisfaction_app", "How satisfied are you with … - The app"),
    "Q3_4": ("satisfaction_network", "How satisfied are you with … - The network"),
    "Q3_5": ("satisfaction_help", "How satisfied are you with … - Help when you need it"),
    "Q3_6": ("satisfaction_price", "How satisfied are you with … - The price"),
    "Q4": ("effort", "They made it easy for me to handle my issue."),
}
_AFTER_BREAK_OFF = [column for column in _TRACKED if column.startswith(("Q3", "Q4"))]
_SYSTEM = {  # further columns of the survey tool, with their ImportIds
    "StartDate": "startDate",
    "EndDate": "endDate",
    "Status": "status",
    "Progress": "progress",
    "Duration (in seconds)": "duration",
    "Finished": "finished",
    "RecordedDate": "recordedDate",
    "ResponseId": "_recordId",
    "DistributionChannel": "distributionChannel",
    "UserLanguage": "userLanguage",
    "customer_id": "customer_id",
    "wave": "wave",
}


def _write_tracking(path: Path, answers: pd.DataFrame, fieldwork: Fieldwork, rng: np.random.Generator) -> None:
    """One tracking wave as the survey tool exports it: three header rows, numeric choices, 99 for "not used", and the
    planted faults."""
    faults, n = TRUTH.faults, len(answers)
    began = answers["submitted_at"] - pd.to_timedelta(answers["seconds"], unit="s")
    ended = answers["submitted_at"].dt.strftime("%Y-%m-%d %H:%M:%S")
    broken_off = rng.random(n) < faults.broken_off
    table = pd.DataFrame(
        {
            "StartDate": began.dt.strftime("%Y-%m-%d %H:%M:%S"),
            "EndDate": ended,
            "Status": "0",
            "Progress": np.where(broken_off, "40", "100"),
            "Duration (in seconds)": answers["seconds"].astype(str),
            "Finished": np.where(broken_off, "0", "1"),
            "RecordedDate": ended,
            "ResponseId": _response_ids(n, rng),
            "DistributionChannel": "email",
            "UserLanguage": "EN",
            "customer_id": _strangers(answers["customer_id"], rng),
            "wave": fieldwork.wave,
        }
    )
    for column, (item, _) in _TRACKED.items():
        skipped = rng.random(n) < faults.left_blank
        if column in _AFTER_BREAK_OFF:
            skipped |= broken_off
        table[column] = answers[item].astype(str).where(~skipped, "")
    columns = list(table.columns)
    if fieldwork.wave == faults.effort_renamed_in:
        columns[columns.index("Q4")] = "Q4_1"
    heads = _three_header_rows(columns)
    rows: list[Sequence[object]] = list(table.itertuples(index=False, name=None))
    again = [rows[position] for position in np.sort(rng.choice(n, faults.duplicates, replace=False))]
    middle = n // 2
    joined = heads if fieldwork.wave == faults.header_repeated_in else []
    _write_csv(path, [*heads, *rows[:middle], *joined, *rows[middle:], *again])


def _three_header_rows(columns: list[str]) -> list[list[str]]:
    """Names, question texts and ImportIds, as Qualtrics writes them."""
    asked = {column: text for column, (_, text) in _TRACKED.items()}
    texts = [asked.get(column.replace("Q4_1", "Q4"), column) for column in columns]
    ids = [_SYSTEM.get(column, column.replace("Q", "QID", 1)) for column in columns]
    return [columns, texts, [json.dumps({"ImportId": one}, separators=(",", ":")) for one in ids]]


def _response_ids(n: int, rng: np.random.Generator) -> list[str]:
    letters = np.array(list("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return ["R_" + "".join(row) for row in letters[rng.integers(0, len(letters), (n, 15))]]


def _strangers(customer_ids: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Some answers come through a forwarded link: with an id that the CRM does not have, or with none."""
    unknown, without = TRUTH.faults.unknown_customers, TRUTH.faults.without_customer
    places = rng.choice(len(customer_ids), unknown + without, replace=False)
    shown = customer_ids.copy()
    shown.iloc[places[:unknown]] = [f"X{number:06d}" for number in rng.integers(0, 1_000_000, unknown)]
    shown.iloc[places[unknown:]] = ""
    return shown


def _write_deep_dive(path: Path, answers: pd.DataFrame) -> None:
    """The agency's file: cp1252, semicolons, decimal commas, dates like 31.12.2026, and a weight that restores the
    tenure bands of those who could be invited."""
    fieldwork = TRUTH.fieldwork("deep_dive")[0]
    rates = _response_rates(answers, fieldwork)
    weights = (1 / rates) / (1 / rates).mean()
    table = pd.DataFrame(
        {
            "Interview": [str(number) for number in range(1, len(answers) + 1)],
            "Kundennummer": answers["customer_id"],
            "Datum": answers["submitted_at"].dt.strftime("%d.%m.%Y"),
            "Länge_min": [f"{seconds / 20:.1f}".replace(".", ",") for seconds in answers["seconds"]],
            "Gebiet": answers["region"],
            "Gewicht": [f"{weight:.4f}".replace(".", ",") for weight in weights],
        }
    )
    for prefix, kind, names in (
        ("W", "need", NEEDS),
        ("E", "expectation", TOUCHPOINTS),
        ("Z", "satisfaction", TOUCHPOINTS),
    ):
        for number, name in enumerate(names, 1):
            table[f"{prefix}{number}"] = answers[f"{kind}_{name}"].astype(str)
    rows = [list(table.columns), *table.itertuples(index=False, name=None)]
    _write_csv(path, rows, delimiter=";", encoding="cp1252", newline="\r\n")


def _write_csv(
    path: Path,
    rows: Iterable[Sequence[object]],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    newline: str = "\n",
) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=newline).writerows(rows)
