"""What happens to the customers of the simulated company: its event log, its agents, and the surveys after an event.

One row of the log is one thing that happened to a customer: ad and website before the order, shop or not, activation, the
first bill, sessions in the app, faults of the network, calls for help, complaints and what became of them, the offer to
renew, the renewal, the cancellation. What happened before the log begins is not in it, and most customers are still there
when it ends.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxlab.demo.people import day, goodwill_at, last_day, stream
from cxlab.demo.surveys import CUTS
from cxlab.demo.truth import CLOSED, OPENED, TENURE_BOUNDS, TRUTH

Events = pd.DataFrame

APP_PER_MONTH = {"savers": 1.7, "connected": 4.0, "cared_for": 0.6, "independent": 4.6, "guardians": 1.4}
HELP_PER_YEAR = {"savers": 0.8, "connected": 0.7, "cared_for": 2.0, "independent": 0.3, "guardians": 0.9}
FAULTS_PER_YEAR = 0.5
HELP_AFTER_FAULT = 0.5
HELP_AFTER_FIRST_BILL = 0.16
RENEWS = {"savers": 0.45, "connected": 0.6, "cared_for": 0.65, "independent": 0.55, "guardians": 0.75}
N_TEAMS, AGENTS_PER_TEAM = 8, 7
TEAM_SPREAD = 0.3  # of the teams' effects on the latent satisfaction with help
WAIT_EFFECT = -0.12  # of a minute of waiting on the latent satisfaction with help
ANSWERED_WITHIN = 3.0  # minutes: the promise that is broken
ACTIVATED_WITHIN = 5.0  # days: kept online, broken after a shop
SURVEYED = {"order": 0.45, "onboarding": 0.60, "help": 0.20, "resolution": 0.45}  # share of events with an invitation
ANSWERED = 0.40
MEANS = {"order": 0.75, "onboarding": 0.35, "help": -0.05, "resolution": 0.10}
ASKED_SINCE = pd.Timestamp("2025-07-01")  # the event survey was begun then


def agents(random_state: int) -> pd.DataFrame:
    """One row an agent: agent_id, team, unit, start_date, and `effect`, the team's on satisfaction, which nobody exports."""
    rng = stream(random_state, "agents")
    effects = TEAM_SPREAD * rng.standard_normal(N_TEAMS)
    effects -= effects.mean()
    names = [f"Team {letter}" for letter in "ABCDEFGH"[:N_TEAMS]]
    team = np.repeat(np.arange(N_TEAMS), AGENTS_PER_TEAM)
    started = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 2_000, len(team)), unit="D")
    return pd.DataFrame(
        {
            "agent_id": [f"A{number:03d}" for number in range(1, len(team) + 1)],
            "team": np.array(names)[team],
            "unit": np.where(team < N_TEAMS // 2, "North", "South"),
            "start_date": started.strftime("%Y-%m-%d"),
            "effect": effects[team],
        }
    )


def event_log(people: pd.DataFrame, staff: pd.DataFrame, random_state: int) -> Events:
    """Every event of every customer from OPENED to CLOSED, in the order of time, with event_id in that order.

    Columns: event_id, customer_id, timestamp (naive UTC), touchpoint, channel, agent_id, value: minutes of waiting of a
    call for help, days from the order to the activation. `row` is the customer's position in `people`.
    """
    rng = stream(random_state, "events")
    parts = [*_beginning(people, rng), *_usage(people, rng), *_support(people, staff, rng), *_ending(people, rng)]
    log = pd.concat(parts, ignore_index=True)
    first, last = (pd.Timestamp(moment) for moment in (OPENED, CLOSED))
    log = log[(log["timestamp"] >= first) & (log["timestamp"] < last)]
    log = log.sort_values(["timestamp", "row", "touchpoint"], kind="stable", ignore_index=True)
    log.insert(0, "event_id", np.arange(1, len(log) + 1))
    log.insert(1, "customer_id", people["customer_id"].to_numpy()[log["row"]])
    return log


def _events(
    rows: np.ndarray, days: np.ndarray, touchpoint: str, channel: object, rng: np.random.Generator, hours: float = 13.0
) -> Events:
    """Events of the customers at these positions on these days, at an hour of the day of their own."""
    at = rng.normal(hours, 3.2, len(rows)).clip(7, 22)
    seconds = (np.asarray(days, dtype="int64") - day(_EPOCH)) * 86_400 + (at * 3_600).astype("int64")
    return pd.DataFrame(
        {
            "row": rows,
            "timestamp": pd.to_datetime(seconds, unit="s"),
            "touchpoint": touchpoint,
            "channel": channel,
            "agent_id": None,
            "value": np.nan,
        }
    )


_EPOCH = pd.Timestamp("1970-01-01").date()


def _beginning(people: pd.DataFrame, rng: np.random.Generator) -> list[Events]:
    """From the first ad to the first bill. Who ordered before the log begins has none of it."""
    rows = np.flatnonzero(people["start"] >= day(OPENED) - 60)
    start, shop = people["start"].to_numpy()[rows], people["shop"].to_numpy()[rows]
    saw_ad = rng.random(len(rows)) < 0.6
    parts = [_events(rows[saw_ad], start[saw_ad] - rng.integers(3, 35, saw_ad.sum()), "ad", "social", rng)]
    visits = rng.poisson(np.where(shop, 0.8, 2.2))
    visited = np.repeat(np.arange(len(rows)), visits)
    parts.append(_events(rows[visited], start[visited] - rng.integers(0, 25, len(visited)), "website", "web", rng))
    parts.append(_events(rows[shop], start[shop], "shop", "shop", rng, 11.0))
    ordered = _events(rows, start, "order", np.where(shop, "shop", "web"), rng, 15.0)
    ordered.loc[shop, "timestamp"] = ordered.loc[shop, "timestamp"].dt.normalize() + pd.Timedelta(hours=18)
    parts.append(ordered)
    activated, last = people["activated"].to_numpy()[rows], last_day(people)[rows]
    began = activated <= last
    onboarding = _events(rows[began], activated[began], "onboarding", np.where(shop[began], "shop", "web"), rng)
    onboarding["value"] = (activated - start)[began].astype(float)
    billed = activated + 30
    got_bill = billed <= last
    parts += [onboarding, _events(rows[got_bill], billed[got_bill], "first_bill", "mail", rng, 9.0)]
    return parts


def _times(people: pd.DataFrame, per_day: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions and days of events that come at a constant rate while somebody is a customer and the log is open."""
    first = np.maximum(people["activated"].to_numpy() + 1, day(OPENED))
    length = np.maximum(last_day(people) - first, 0)
    n = rng.poisson(per_day * length)
    rows = np.repeat(np.arange(len(people)), n)
    return rows, first[rows] + (rng.random(len(rows)) * length[rows]).astype(int)


def _usage(people: pd.DataFrame, rng: np.random.Generator) -> list[Events]:
    rows, days = _times(people, people["segment"].map(APP_PER_MONTH).to_numpy() / 30.4, rng)
    return [_events(rows, days, "app", "app", rng)]


def _support(people: pd.DataFrame, staff: pd.DataFrame, rng: np.random.Generator) -> list[Events]:
    """Faults, calls for help (also after a fault and after the first bill), complaints and their resolutions."""
    rows, days = _times(people, np.full(len(people), FAULTS_PER_YEAR / 365), rng)
    faults = _events(rows, days, "network", "network", rng)
    called = rng.random(len(rows)) < HELP_AFTER_FAULT
    reasons = [(rows[called], days[called])]
    bill = people["activated"].to_numpy() + 30
    first = np.flatnonzero((bill >= day(OPENED)) & (rng.random(len(people)) < HELP_AFTER_FIRST_BILL))
    reasons.append((first, bill[first] + rng.integers(1, 6, len(first))))
    reasons.append(_times(people, people["segment"].map(HELP_PER_YEAR).to_numpy() / 365, rng))
    complained = np.flatnonzero(people["complained"] > 0)
    day_of = people["complained"].to_numpy()[complained]
    reasons.append((complained, day_of))
    rows, days = (np.concatenate(parts) for parts in zip(*reasons, strict=True))
    inside = days <= last_day(people)[rows]
    rows, days = rows[inside], days[inside]
    helped = _events(rows, days, "help", rng.choice(["phone", "chat"], len(rows), p=[0.7, 0.3]), rng, 12.0)
    helped["value"] = rng.gamma(1.6, 1.6, len(rows)).round(1)
    helped["agent_id"] = rng.choice(staff["agent_id"].to_numpy(), len(rows))
    complaints = _events(complained, day_of, "complaint", "phone", rng)
    complaints["timestamp"] = complaints["timestamp"].dt.normalize() + pd.Timedelta(hours=22, minutes=30)
    solved = np.flatnonzero(people["resolution"] > 0)
    resolved = _events(solved, people["resolution"].to_numpy()[solved], "resolution", "phone", rng)
    resolved["agent_id"] = rng.choice(staff["agent_id"].to_numpy(), len(solved))
    return [faults, helped, complaints, resolved]


def _ending(people: pd.DataFrame, rng: np.random.Generator) -> list[Events]:
    """The yearly offer and renewal, and the cancellation."""
    parts = []
    start, last = people["start"].to_numpy(), last_day(people)
    renews = people["segment"].map(RENEWS).to_numpy()
    for year in range(1, 15):
        offered = start + 365 * year - 30
        there = np.flatnonzero((offered >= day(OPENED)) & (offered <= last))
        parts.append(_events(there, offered[there], "renewal_offer", "email", rng))
        goes_on = there[(rng.random(len(there)) < renews[there]) & (offered[there] + 25 <= last[there])]
        parts.append(_events(goes_on, offered[goes_on] + rng.integers(1, 25, len(goes_on)), "renewal", "web", rng))
    gone = np.flatnonzero(people["end"] < day(CLOSED))
    parts.append(_events(gone, people["end"].to_numpy()[gone], "cancellation", "phone", rng, 20.0))
    return parts


def with_faults(log: Events, random_state: int) -> Events:
    """The log as it is exported: some rows twice, some without a customer or a time, shuffled as a warehouse gives them."""
    rng = stream(random_state, "event faults")
    table = log.drop(columns="row").assign(customer_id=log["customer_id"].astype(object))
    faults = TRUTH.faults
    again = table.iloc[rng.choice(len(table), faults.events_twice, replace=False)]
    holes = rng.choice(len(table), faults.events_without_customer + faults.events_without_time, replace=False)
    n = faults.events_without_customer
    table.loc[table.index[holes[:n]], "customer_id"] = None
    table.loc[table.index[holes[n:]], "timestamp"] = pd.NaT
    return pd.concat([table, again], ignore_index=True).sample(frac=1, random_state=int(rng.integers(2**31)))


# ------------------------------------------------------------------------------------------------------ after an event


def satisfaction_after(log: Events, people: pd.DataFrame, staff: pd.DataFrame) -> np.ndarray:
    """Where the latent satisfaction with each event centres."""
    rows = log["row"].to_numpy()
    tenure = (
        (log["timestamp"] - pd.Timestamp("1970-01-01")).dt.days.to_numpy()
        + day(_EPOCH)
        - people["start"].to_numpy()[rows]
    )
    band = np.digitize(tenure, TENURE_BOUNDS)
    centre = log["touchpoint"].map(MEANS).to_numpy() + TRUTH.touchpoint_goodwill * goodwill_at(people.iloc[rows], band)
    team = log["agent_id"].map(staff.set_index("agent_id")["effect"]).fillna(0).to_numpy()
    helped = (log["touchpoint"] == "help").to_numpy()
    centre = centre + np.where(helped, team + WAIT_EFFECT * (log["value"].to_numpy() - 2.5), 0)
    late = (log["touchpoint"] == "onboarding").to_numpy() & people["shop"].to_numpy()[rows]
    return centre + np.where(late, TRUTH.shop_onboarding, 0)


def event_survey(log: Events, people: pd.DataFrame, staff: pd.DataFrame, random_state: int) -> tuple[Events, Events]:
    """The invitations after events, and the answers: satisfaction (1 to 5) and ease (1 to 7), one row an event.

    Who answered about an order answers about the activation more often, so that the seam between them can be seen.
    """
    rng = stream(random_state, "event survey")
    chance = log["touchpoint"].map(SURVEYED).fillna(0).to_numpy()
    asked = log[(rng.random(len(log)) < chance) & (log["timestamp"] >= ASKED_SINCE)]
    asked = asked.assign(invited_at=asked["timestamp"] + pd.Timedelta(hours=2))
    answering = rng.random(len(asked)) < ANSWERED
    told = set(asked.loc[answering & (asked["touchpoint"] == "order").to_numpy(), "row"])
    again = (asked["touchpoint"] == "onboarding").to_numpy() & asked["row"].isin(told).to_numpy()
    answered = asked[answering | (again & (rng.random(len(asked)) < 0.6))]
    centre = satisfaction_after(answered, people, staff)
    latent = centre + TRUTH.touchpoint_noise * rng.standard_normal(len(answered))
    ease = centre - 0.1 + 0.9 * rng.standard_normal(len(answered))
    wait = pd.to_timedelta(np.minimum(rng.exponential(20.0, len(answered)), 200).round(2), unit="h")
    answers = answered.assign(
        satisfaction=1 + np.searchsorted(CUTS["1 to 5"], latent),
        ease=1 + np.searchsorted(CUTS["1 to 7"], ease),
        submitted_at=(answered["invited_at"] + wait).dt.floor("s"),
    ).sort_values(["submitted_at", "event_id"], ignore_index=True)
    answers.insert(0, "response_id", [f"E{number:06d}" for number in range(1, len(answers) + 1)])
    return asked, answers
