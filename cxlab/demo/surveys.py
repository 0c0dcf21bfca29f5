"""What the simulated customers and staff answer, and what every figure of it truly is.

How an answer comes about: a customer brings goodwill (fixed, plus an effect of tenure). Each question adds its own mean
and chance to it, and the sum is cut into the scale's answers (an ordered probit). Satisfaction with the touchpoints
feeds the recommendation, so a touchpoint that gets worse takes the recommendation along; no other question follows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cxlab.demo.people import could_be_invited, goodwill_at, population, stream, tenure_band
from cxlab.demo.truth import FELT_AT, IMAGE, NEEDS, TOUCHPOINTS, TRUTH, Fieldwork

Centres = dict[str, tuple[np.ndarray, float]]
"""item → where each customer's latent answer centres, and its spread around that."""

CUTS = {  # where the latent answer is cut; one cut fewer than answers
    "0 to 10": (-2.6, -2.4, -2.2, -1.95, -1.7, -1.3, -0.95, -0.5, 0.2, 0.9),
    "1 to 5": (-1.9, -1.2, -0.4, 0.7),
    "1 to 7": (-2.1, -1.5, -1.0, -0.4, 0.3, 1.1),
    "0 to 1": (0.0,),
    "1 to 4": (-0.6, 0.3, 1.2),
}
EMOTIONS = ("frustration", "disappointment", "worry", "confusion", "neutral", "surprise", "gratitude", "delight")
"""From what the discontent feel most to what the content feel most."""
_FELT = {  # the latent feeling is cut into these emotions; at the app they are confused where others are delighted
    "onboarding": ("frustration", "confusion", "neutral", "surprise", "delight"),
    "first_bill": ("frustration", "disappointment", "worry", "neutral", "gratitude"),
    "app": ("frustration", "confusion", "confusion", "neutral", "delight"),
    "help": ("frustration", "disappointment", "neutral", "gratitude", "gratitude"),
}
_CARELESS_ANSWERS = (3, 4, 5)


def scale_of(item: str) -> str:
    """The scale of an item, as `CUTS` has it."""
    if item.startswith(("goal", "problem")):
        return "0 to 1"
    if item.startswith("effort"):
        return "1 to 7"
    return {"recommend": "0 to 10", "wallet_rank": "1 to 4"}.get(item, "1 to 5")


def expected(customers: int = 20_000, *, random_state: int = 2026) -> pd.DataFrame:
    """What each survey question truly is: one row a survey, wave and item.

    Columns: survey, wave, item, metric (nps, top_box: share of the two highest answers or of yes in percent, mean),
    `population` (the average over all customers who could be invited) and `answering` (what respondents give on average
    without weights, because those who have been customers for longer, and business customers in some waves, are there
    more often than their share). Both are computed from the model, not from answers; they leave out the chance of who is
    drawn and what they tick.
    """
    people = population(customers, random_state)
    rows = []
    for fieldwork in TRUTH.fieldworks:
        there = people[could_be_invited(people, fieldwork)]
        rates = response_rates(there, fieldwork) * invited_rates(there, fieldwork, customers)
        for item, (centre, spread) in centres(there, fieldwork).items():
            if item.startswith(("felt", "wallet")):
                continue
            metric, values = expected_scores(item, centre, spread)
            about = {"survey": fieldwork.survey, "wave": fieldwork.wave, "item": item, "metric": metric}
            if fieldwork.survey == "deep_dive" and item.startswith(("need", "expectation")):
                careless = there["careless"].to_numpy()
                values = np.where(careless, np.mean(_CARELESS_ANSWERS), values)
            rows.append(about | {"population": values.mean(), "answering": np.average(values, weights=rates)})
    return pd.DataFrame(rows)


def expected_scores(item: str, centre: np.ndarray, spread: float) -> tuple[str, np.ndarray]:
    """The metric of an item, and each customer's expected contribution to it."""
    scale = scale_of(item)
    above = ndtr((centre[:, None] - np.array(CUTS[scale])) / spread)  # P(answer lies above each cut)
    if item == "recommend":
        return "nps", 100 * (above[:, 8] - (1 - above[:, 6]))  # 9 and 10 less 0 to 6
    if scale == "0 to 1":
        return "top_box", 100 * above[:, 0]
    if item.startswith(("satisfaction", "overall")):
        return "top_box", 100 * above[:, 2]
    return "mean", 1 + above.sum(axis=1)


# ---------------------------------------------------------------------------------------------------------- who is asked


def response_rates(people: pd.DataFrame, fieldwork: Fieldwork) -> np.ndarray:
    return np.array(TRUTH.response_rates)[tenure_band(people, fieldwork)]


def invited_rates(people: pd.DataFrame, fieldwork: Fieldwork, customers: int) -> np.ndarray:
    """How likely each of those who could be invited is invited, up to a factor."""
    return np.where(people["plan"] == "Business", fieldwork.business, 1.0)


def invitations(people: pd.DataFrame, random_state: int) -> pd.DataFrame:
    """Who was invited to what, and when.

    Every customer belongs by chance to one of two halves, and the halves are asked in turn: nobody is invited to the
    tracking survey in two quarters running, so that neighbouring waves are independent samples. A deep dive goes to the
    half that the tracking survey of its quarter leaves out, and the newer one also to some who were invited to the older
    (`_panel`). Within its half an invitation is a simple random sample, of
    business customers and of the others.
    """
    rng = stream(random_state, "invitations")
    half = rng.integers(0, 2, len(people))
    turns = {wave: number % 2 for number, wave in enumerate(sorted({work.wave for work in TRUTH.fieldworks}))}
    parts = []
    for work in TRUTH.fieldworks:
        mine = turns[work.wave] if work.survey == "tracking" else 1 - turns[work.wave]
        pool = np.flatnonzero(could_be_invited(people, work) & (half == mine))
        chosen = _drawn_from(pool, people["plan"].to_numpy()[pool] == "Business", work, len(people), rng)
        at = pd.Timestamp(work.first_day) + pd.to_timedelta(rng.integers(0, work.days, len(chosen)), unit="D")
        sample = people.iloc[chosen][["customer_id", "plan", "region"]]
        parts.append(sample.assign(survey=work.survey, wave=work.wave, invited_at=at + pd.Timedelta(hours=9)))
    parts.append(_panel(people, pd.concat(parts, ignore_index=True), random_state))
    return pd.concat(parts, ignore_index=True).sort_values(["invited_at", "customer_id"], ignore_index=True)


def _panel(people: pd.DataFrame, invited: pd.DataFrame, random_state: int) -> pd.DataFrame:
    """Invitations of the newer deep dive to some who were invited to the older one, are still there, and are asked nothing else."""
    first, last = (work for work in TRUTH.fieldworks if work.survey == "deep_dive")
    rng = stream(random_state, "panel")
    before = invited.loc[(invited["survey"] == first.survey) & (invited["wave"] == first.wave), "customer_id"]
    asked = invited.loc[invited["wave"] == last.wave, "customer_id"]
    free = people["customer_id"].isin(set(before)) & ~people["customer_id"].isin(set(asked))
    there = people[could_be_invited(people, last) & free]
    chosen = there.iloc[np.sort(rng.choice(len(there), round(TRUTH.panel * len(before)), replace=False))]
    at = pd.Timestamp(last.first_day) + pd.to_timedelta(rng.integers(0, last.days, len(chosen)), unit="D")
    sample = chosen[["customer_id", "plan", "region"]]
    return sample.assign(survey=last.survey, wave=last.wave, invited_at=at + pd.Timedelta(hours=9))


def _drawn_from(
    pool: np.ndarray, business: np.ndarray, work: Fieldwork, customers: int, rng: np.random.Generator
) -> np.ndarray:
    """Positions of the invited: so many that the sample has its size, business customers `work.business` times as often."""
    wanted = round(work.invited * customers)
    others, theirs = pool[~business], pool[business]
    rate = min(wanted / (len(others) + work.business * len(theirs)), 1 / work.business)
    n_others, n_theirs = round(rate * len(others)), round(rate * work.business * len(theirs))
    picked = [rng.choice(part, n, replace=False) for part, n in ((others, n_others), (theirs, n_theirs))]
    return np.sort(np.concatenate(picked))


# ------------------------------------------------------------------------------------------------------------- answers


def centres(people: pd.DataFrame, fieldwork: Fieldwork) -> Centres:
    """For each item of a survey: where each customer's latent answer centres, and its spread around that."""
    goodwill = goodwill_at(people, tenure_band(people, fieldwork))
    own = {touchpoint: _own(people, touchpoint) for touchpoint in TOUCHPOINTS}
    shifts = {touchpoint: TRUTH.shift(f"satisfaction_{touchpoint}", fieldwork.wave) for touchpoint in TOUCHPOINTS}
    made: Centres = {}
    for touchpoint in TOUCHPOINTS:
        item = f"satisfaction_{touchpoint}"
        moved = TRUTH.means[item] + shifts[touchpoint] + own[touchpoint]
        made[item] = (moved + TRUTH.touchpoint_goodwill * goodwill, TRUTH.touchpoint_noise)
    weights = np.array(TRUTH.recommend_weights)
    moved = np.column_stack([shifts[touchpoint] + own[touchpoint] for touchpoint in TOUCHPOINTS]) @ weights
    pull = TRUTH.touchpoint_goodwill * weights.sum()  # goodwill is carried by what is felt at the touchpoints alone
    spread = np.hypot(TRUTH.recommend_noise, TRUTH.touchpoint_noise * np.linalg.norm(weights))
    made["recommend"] = (TRUTH.means["recommend"] + moved + pull * goodwill, float(spread))
    overall = TRUTH.means["overall"] + TRUTH.overall_goodwill * goodwill
    if fieldwork.survey == "deep_dive":
        if fieldwork.wave == TRUTH.fieldwork("deep_dive")[-1].wave:
            overall = overall + TRUTH.personal_contact * people["personal_contact"].to_numpy()
        return made | {"overall": (overall, TRUTH.overall_noise)} | _deep_dive_centres(people, goodwill)
    effort = TRUTH.means["effort"] + TRUTH.shift("effort", fieldwork.wave) + TRUTH.effort_goodwill * goodwill
    return made | {"overall": (overall, TRUTH.overall_noise), "effort": (effort, TRUTH.effort_noise)}


def _own(people: pd.DataFrame, touchpoint: str) -> np.ndarray:
    """What sets single customers apart at a touchpoint, besides goodwill."""
    if touchpoint == "onboarding":
        return TRUTH.shop_onboarding * people["shop"].to_numpy()
    if touchpoint == "price":
        return TRUTH.business_price * (people["plan"] == "Business").to_numpy()
    return np.zeros(len(people))


def _deep_dive_centres(people: pd.DataFrame, goodwill: np.ndarray) -> Centres:
    style = people["style"].to_numpy()
    profiles = np.array([TRUTH.needs[segment] for segment in people["segment"]])
    made: Centres = {}
    for position, need in enumerate(NEEDS):
        made[f"need_{need}"] = (profiles[:, position] + style, TRUTH.needs_noise)
    for touchpoint, mean in zip(TOUCHPOINTS, TRUTH.expectation_means, strict=True):
        made[f"expectation_{touchpoint}"] = (mean + style, TRUTH.expectation_noise)
    for touchpoint in TRUTH.goals:
        made[f"goal_{touchpoint}"] = (TRUTH.goals[touchpoint] + 0.3 * goodwill, 1.0)
        made[f"problem_{touchpoint}"] = (TRUTH.problems[touchpoint] - 0.3 * goodwill, 1.0)
        made[f"effort_{touchpoint}"] = (TRUTH.effort_at[touchpoint] + 0.4 * goodwill, 0.9)
        made[f"enjoyment_{touchpoint}"] = (TRUTH.enjoyment[touchpoint] + 0.5 * goodwill, 0.8)
    for position, attribute in enumerate(IMAGE):
        made[f"image_{attribute}"] = (TRUTH.image_means[position] + 0.4 * goodwill, 0.8)
    for touchpoint in FELT_AT:
        made[f"felt_{touchpoint}"] = (
            _own(people, touchpoint) + TRUTH.means[f"satisfaction_{touchpoint}"] + goodwill / 2,
            0.8,
        )
    return made | {"wallet_rank": (-0.6 * goodwill, 0.8)}


def ticked(people: pd.DataFrame, fieldwork: Fieldwork, rng: np.random.Generator) -> pd.DataFrame:
    """What these customers tick: one row a customer, one column an item, all answered."""
    made = centres(people, fieldwork)
    noise = {item: spread * rng.standard_normal(len(people)) for item, (_, spread) in made.items()}
    felt = np.column_stack([noise[f"satisfaction_{touchpoint}"] for touchpoint in TOUCHPOINTS])
    # what is felt at the touchpoints is carried into the recommendation
    own = TRUTH.recommend_noise * rng.standard_normal(len(people))
    noise["recommend"] = felt @ np.array(TRUTH.recommend_weights) + own
    lowest = {item: int(scale_of(item)[0]) for item in made}
    answers: dict[str, np.ndarray] = {}
    for item, (centre, _) in made.items():
        place = np.searchsorted(CUTS[scale_of(item)], centre + noise[item])
        felt_here = _FELT.get(item.removeprefix("felt_")) if item.startswith("felt_") else None
        answers[item] = np.array(felt_here, dtype=object)[place] if felt_here else lowest[item] + place
    table = pd.DataFrame(answers, index=people.index)
    if fieldwork.survey == "deep_dive":
        table["brands_used"] = np.maximum(table["wallet_rank"], rng.integers(1, 5, len(people)))
        lazy = people["careless"].to_numpy()
        for battery in ("need_", "expectation_"):
            columns = [column for column in made if column.startswith(battery)]
            said = rng.choice(_CARELESS_ANSWERS, len(people))
            table.loc[lazy, columns] = np.repeat(said[lazy, None], len(columns), axis=1)
    return table


def survey(people: pd.DataFrame, invited: pd.DataFrame, fieldwork: Fieldwork, random_state: int) -> pd.DataFrame:
    """Those who answered one survey, in the order of their answers: who they are, when, and what they ticked."""
    rng = stream(random_state, f"answers {fieldwork.survey} {fieldwork.wave}")
    here = (invited["survey"] == fieldwork.survey) & (invited["wave"] == fieldwork.wave)
    asked = people.merge(invited.loc[here, ["customer_id", "invited_at"]], on="customer_id")
    answering = asked[rng.random(len(asked)) < response_rates(asked, fieldwork)].reset_index(drop=True)
    wait = np.minimum(rng.exponential(3.0, len(answering)), 20.0)
    submitted = answering["invited_at"].dt.normalize() + pd.to_timedelta(wait.astype(int), unit="D")
    if fieldwork.survey == "tracking":
        late = rng.random(len(answering)) < TRUTH.faults.late
        late_day = pd.Timestamp(fieldwork.last_answer) + pd.to_timedelta(rng.integers(1, 11, len(answering)), unit="D")
        submitted = submitted.where(~late, pd.Series(late_day))
    submitted += pd.to_timedelta(rng.integers(9 * 3600, 22 * 3600, len(answering)), unit="s")
    answers = ticked(answering, fieldwork, rng)
    unused_99 = {}
    for position, touchpoint in enumerate(TOUCHPOINTS):
        unused = rng.random(len(answering)) < TRUTH.not_used[position]
        item = f"satisfaction_{touchpoint}"
        unused_99[item] = answers[item].where(~unused, 99)
    answers = answers.assign(**unused_99)
    seconds = _seconds(answering, fieldwork, stream(random_state, f"seconds {fieldwork.survey} {fieldwork.wave}"))
    answering = answering.assign(
        submitted_at=submitted, seconds=seconds, response_id=_response_ids(len(answering), rng)
    )
    return pd.concat([answering, answers], axis=1).sort_values(["submitted_at", "customer_id"], ignore_index=True)


def _seconds(people: pd.DataFrame, fieldwork: Fieldwork, rng: np.random.Generator) -> np.ndarray:
    """How long each took: five minutes in the middle; those who tick without care in the deep dive take a fifth of it."""
    taken = 300 * np.exp(0.3 * rng.standard_normal(len(people)))
    hurried = people["careless"].to_numpy() & (fieldwork.survey == "deep_dive")
    return np.maximum(np.where(hurried, taken / 5, taken), 20).astype(int)


def _response_ids(n: int, rng: np.random.Generator) -> list[str]:
    letters = np.array(list("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return ["R_" + "".join(row) for row in letters[rng.integers(0, len(letters), (n, 15))]]


def staff_survey(fieldwork: Fieldwork, teams: pd.DataFrame, random_state: int) -> pd.DataFrame:
    """What staff believe customers feel at each touchpoint, and their own attitude: one row a person who answered.

    `teams` is one row an agent (`cxlab.demo.events.agents`); half of the staff are agents of these teams.
    """
    rng = stream(random_state, f"staff {fieldwork.wave}")
    n = TRUTH.staff
    table = pd.DataFrame({"team": rng.choice(teams["team"].unique(), n), "day": fieldwork.first_day})
    outlook = teams.drop_duplicates("team").set_index("team")["effect"].reindex(table["team"]).to_numpy()
    for touchpoint, mean in zip(TOUCHPOINTS, TRUTH.staff_means, strict=True):
        latent = mean + 0.3 * rng.standard_normal(n) + TRUTH.staff_noise * rng.standard_normal(n)
        table[f"satisfaction_{touchpoint}"] = 1 + np.searchsorted(CUTS["1 to 5"], latent)
    latent = 0.2 + outlook + 0.7 * rng.standard_normal(n)
    return table.assign(attitude=1 + np.searchsorted(CUTS["1 to 5"], latent))
