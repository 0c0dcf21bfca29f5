"""Can it be believed what moves loyalty? What a reader who doubts looks at: the checks, missing answers, later loyalty, and places.

`credibility` takes the answers of 07 and puts together `cxlab.drivers.checks`, `cxlab.drivers.missing`, `cxlab.drivers.waves` and
`cxlab.drivers.places`, and says in words what the answer hangs on. One row of the checks is one check; elsewhere one row is one driver.

What a study lacks is not shown, and `reasons` says why. Missing answers are drawn only for drivers that at least half answered, and
only up to fifteen drivers: five imputations of nineteen took 14 s. Where a study says of a driver that no answer means "not used"
(`not_applicable`), nothing is drawn for it. Later loyalty is held against earlier ratings in the survey whose two newest waves most
customers answered, the first time with all drivers. Nothing here is a proof that a driver is the cause.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.checks import ExpertChecks, expert_checks
from cxlab.drivers.missing import RankingComparison, ranking_depends, rows_lost
from cxlab.drivers.places import Places, Shown, places_of, spoken
from cxlab.drivers.waves import LEAST_RETURNED, LaggedDrivers, lagged_drivers
from cxlab.problems import NotApplicableError
from cxlab.wording import (
    SURVEY_WORDS,
    capital_text,
    describe,
    difference_text,
    estimate_text,
    inside_text,
    interval_text,
    list_text,
    number_text,
    p_text,
    period_text,
)

MOST_DRAWN = (
    15  # drivers up to which missing answers are drawn: each imputation visits all subsets in a hundred resamples
)
_MOST_MISSING = 0.5
_WEIGHT, _CLUSTER = "__weight__", "__cluster__"
_VERDICTS = {
    "warning": "The answer hangs on it",
    "look": "Look at it",
    "fine": "Fine",
    "not checked": "Not checked",
}
_QUESTIONS = {
    "rows for each driver": ("Are there enough respondents?", "10 or more a driver"),
    "answers lost": ("How many lack an answer?", "at most 20%"),
    "overlap": ("Can the drivers be told apart?", "at most 5"),
    "sign reversal": ("Does a sign turn once the others are held fixed?", "none"),
    "halo": ("Is one mood behind all ratings?", "at most 60%"),
    "mood held fixed": ("Is another first with the mood held fixed?", "the same is first"),
    "influence": ("Does it hang on a few?", "the same is first"),
    "scale use": ("Can the ratings still rise?", "at most 50% at the top"),
    "outcome at the top": ("Can the outcome still rise?", "at most 50% at the top"),
    "straight-lining": ("Do people tick one column?", "at most 10%"),
    "straight line": ("Is a straight line right?", "p 0.05 or more"),
    "omitted touchpoints": ("Is a touchpoint not asked about?", "none"),
    "same source": ("Is it asked in one questionnaire?", "another source"),
}
_VARIANTS = {
    "share": "as it is",
    "share_mood_fixed": "mood held fixed",
    "share_without_influential": "without the most influential",
    "share_without_straight": "without those who tick one column",
}


@dataclass(frozen=True)
class Credibility:
    """`checks`, `ranking` and `lagged` are None where the study lacks what they need, `places` likewise; `reasons` says why, in
    sentences. `lost` is the table of `cxlab.drivers.missing.rows_lost` with a label. Names of drivers are their labels throughout."""

    checks: ExpertChecks | None
    lost: pd.DataFrame
    ranking: RankingComparison | None
    lagged: LaggedDrivers | None
    lagged_survey: str
    places: Places | None
    reasons: list[str]
    outcome: str
    n: int
    n_asked: int
    conf_level: float

    # ------------------------------------------------------------------------------------------------------- in words

    def sentences(self) -> list[str]:
        """Which places are settled, and what the answer hangs on. Two sentences at most."""
        said = self.places.sentences() if self.places else []
        hangs = self.hangs_on()
        if hangs:
            said.append(f"The answer hangs on {'; and on '.join(hangs[:2])}.")
        return said

    def hangs_on(self) -> list[str]:
        """What would give another answer if it were otherwise: the warnings of the checks, and missing answers."""
        said: dict[str, str] = {}
        for row in self._checked("warning"):
            size, detail = f"{row['estimate']:.0f}", str(row["detail"]).split(";")[0]
            said[str(row["check"])] = {
                "influence": f"{self.n - row['n']:,} of {self.n:,} respondents, without whom {detail}",
                "straight-lining": f"the {size}% of {self.n:,} who rate everything alike: {detail}",
                "sign reversal": f"a sign that turns once the others are held fixed ({detail.partition(' (clear)')[0]})",
                "overlap": f"drivers that can hardly be told from the others (variance inflation {size}, n {self.n:,})",
                "rows for each driver": f"few respondents ({size} a driver, n {self.n:,})",
            }[str(row["check"])]
        if self.ranking is not None and self._first_turns(self.ranking):
            said["missing"] = f"who answered everything: {self._first_words(self.ranking)}"
        order = ("influence", "missing", "straight-lining", "sign reversal", "overlap", "rows for each driver")
        return [said[name] for name in order if name in said]

    def _checked(self, verdict: str) -> list[dict[Any, Any]]:
        if self.checks is None:
            return []
        table = self.checks.table
        return table[table["verdict"] == verdict].to_dict("records")

    def _first_turns(self, ranking: RankingComparison) -> bool:
        """Another driver is first where missing answers are drawn, and chance explains at most one of the two orders."""
        turned = ranking.turned
        pair = (turned["driver"] == ranking.first_listwise) & (turned["other"] == ranking.first_imputed)
        return bool((turned.loc[pair, "clear"] != "neither").any())

    def _first_words(self, ranking: RankingComparison) -> str:
        row = ranking.table.loc[ranking.table["driver"] == ranking.first_imputed].to_dict("records")[0]
        ends = interval_text(100 * row["share_imputed_low"], 100 * row["share_imputed_high"], "%")
        return (
            f"with missing answers drawn, {ranking.first_imputed} is first ({100 * row['share_imputed']:.0f}%, {ends}, n "
            f"{ranking.n_imputed:,}) instead of {ranking.first_listwise}"
        )

    # --------------------------------------------------------------------------------------------------------- checks

    def checks_shown(self) -> list[Shown]:
        """All checks, what is wrong first."""
        if self.checks is None:
            return []
        rows = [
            {
                "check": row["check"], "question": _QUESTIONS[str(row["check"])][0], "verdict": row["verdict"],
                "verdict_words": _VERDICTS[str(row["verdict"])], "figure": _figure(row), "value": row["estimate"],
                "limit": _QUESTIONS[str(row["check"])][1], "detail": _opening(str(row["detail"])), "rows": row["n"],
            }
            for verdict in _VERDICTS
            for row in self._checked(verdict)
        ]  # fmt: skip
        table = pd.DataFrame(rows)
        count = table["verdict"].value_counts()
        done = len(table) - int(count.get("not checked", 0))
        hangs = int(count.get("warning", 0))
        title = f"{int(count.get('fine', 0))} of {done} checks are fine"
        title += f"; the answer hangs on {hangs or 'none'} of the others."
        if count.get("fine", 0) == done:
            title = f"All {done} checks are fine."
        words = {
            "name": "checks",
            "title": title,
            "subtitle": "What somebody who knows regressions looks at before believing one: verdict, figure, and what would be fine",
            "note": {
                "Base": f"{self.n:,} of {self.n_asked:,} respondents who answered every driver",
                "Limits": "Conventions, not tests. A model that passes all is still an association",
            },
        }
        return [(words, table)]

    def variants_shown(self) -> list[Shown]:
        """How much each driver counts as it is, and once something that may mislead is taken out."""
        if self.checks is None:
            return []
        known = self.checks.importance.sort_values("share", ascending=False, kind="stable", ignore_index=True)
        kept = {column: words for column, words in _VARIANTS.items() if known[column].notna().all()}
        if len(kept) < 2:
            return []
        rows = pd.DataFrame({"label": [_label(name) for name in known["driver"]]})
        for column in _VARIANTS:
            place = column.replace("share", "place", 1)
            rows[column], rows[place] = 100 * known[column], known[place]
        first = {words: str(known["driver"].iloc[int(known[column].argmax())]) for column, words in kept.items()}
        lead = first.pop("as it is")
        others = {words: name for words, name in first.items() if name != lead}
        title = f"{capital_text(lead)} stays first in {len(kept)} ways of counting."
        if others:
            title = (
                f"{capital_text(lead)} is first as it is; "
                + "; ".join(f"{words}, {name} is" for words, name in others.items())
                + "."
            )
        words = {
            "name": "ways_of_counting",
            "title": title,
            "subtitle": f"Share of explained {inside_text(self.outcome)}, percent, and again with something taken out",
            "note": {
                "Base": f"{self.n:,} respondents who answered every driver",
                "Mood": "What a driver adds once the mean of the person's other ratings is held fixed. That mean is experience, too: if "
                "the order stays it was not mood, if it changes it may be",
                "Influential": "Without the 1% on whom the coefficients hang most",
            },
            "folded": True,
        }
        return [(words, rows)]

    # ------------------------------------------------------------------------------------------------ places and missing

    def places_shown(self) -> list[Shown]:
        return self.places.shown() if self.places else []

    def dominance_shown(self) -> list[Shown]:
        return self.places.dominance_shown() if self.places else []

    def missing_shown(self) -> list[Shown]:
        """How many gave no answer about each driver, and how many respondents that costs."""
        if not int(self.lost["lost_alone"].sum()):
            return []
        rows = self.lost.assign(
            estimate=100 * self.lost["lost_alone"] / self.lost["n"], unit="%",
            words=[
                "Not used, as the study says" if row["not_applicable"] else
                "Ask: did they use it?" if row["ask"] else "No answer"
                for row in self.lost.to_dict("records")
            ],
        )  # fmt: skip
        top = rows.to_dict("records")[0]
        without = f"{top['estimate']:.0f}% of {top['n']:,} gave no answer about {spoken(top['label'])}"
        title = f"{without}, the most."
        if top["ask"] or top["not_applicable"]:
            title = f"{without}: who has not used it cannot have an opinion."
        asks = [spoken(label) for label in rows.loc[rows["ask"], "label"]]
        note = {
            "Base": f"{top['n']:,} respondents with the outcome, {top['whole']:,} with every driver",
            "Costs": "Respondents who would be in the model if that driver were left out",
        }
        if asks:
            note["Not used"] = (
                f"30% or more gave no answer about {list_text(asks)}, and the study does not say what that means. Whoever did not use "
                "it is outside this answer, not missing from it"
            )
        return [
            (
                {
                    "name": "no_answer",
                    "title": title,
                    "subtitle": "Respondents without an answer, percent, and how many the model loses only because of it",
                    "note": note,
                    "folded": True,
                },
                rows,
            )
        ]

    def drawn_shown(self) -> list[Shown]:
        """Shares of those who answered everything beside shares of all, with missing answers drawn."""
        if self.ranking is None:
            return []
        found = self.ranking
        known = found.table.sort_values("share_listwise", ascending=False, kind="stable", ignore_index=True)
        rows = pd.DataFrame(
            {
                "label": [_label(name) for name in known["driver"]],
                "listwise": 100 * known["share_listwise"], "listwise_low": 100 * known["share_listwise_low"],
                "listwise_high": 100 * known["share_listwise_high"], "drawn": 100 * known["share_imputed"],
                "estimate": 100 * known["share_imputed"],
                "conf_low": 100 * known["share_imputed_low"], "conf_high": 100 * known["share_imputed_high"],
                "conf_level": found.conf_level, "n": found.n_imputed, "missing": 100 * known["missing"],
                "words": [f"{estimate_text(100 * part, '%')} drawn" for part in known["missing"]],
                "place_listwise": known["rank_listwise"], "place_drawn": known["rank_imputed"], "unit": "%",
            }
        )  # fmt: skip
        pairs = len(rows) * (len(rows) - 1) // 2
        clear = int((found.turned["clear"] == "both").sum())
        if found.first_depends:
            chance = "" if self._first_turns(found) else ", which chance could explain"
            title = f"{capital_text(self._first_words(found))}{chance}."
        elif found.order_depends:
            turned = len(found.turned)
            title = (
                f"With missing answers drawn, {found.first_listwise} stays first; {turned} of {pairs} pairs change their order, "
                f"{clear or 'none'} of them clearly."
            )
        else:
            title = f"With missing answers drawn, all {len(rows)} drivers keep their places."
        words = {
            "name": "drawn",
            "title": title,
            "subtitle": f"Share of explained {inside_text(self.outcome)}, percent: of the {found.n_listwise:,} who answered everything, "
            f"and of {found.n_imputed:,} with missing answers drawn",
            "alt": describe("Shares of drivers with missing answers drawn", rows, label_col="label", unit="%"),
            "note": {
                "Base": f"{found.n_imputed:,} respondents"
                + (
                    f"; {found.n_not_applicable:,} to whom a driver does not apply are outside"
                    if found.n_not_applicable
                    else ""
                ),
                "Method": f"{found.n_imputations} imputations from all other answers, pooled by Rubin's rules",
                "Read": "Presumes that whoever gave no answer would answer like similar respondents. For a touchpoint that somebody "
                "never used that is a thought, not an answer. Both orders are shown so that the first one is not taken for everybody's",
            },
            "folded": True,
        }
        return [(words, rows)]

    # --------------------------------------------------------------------------------------------------------- lagged

    def lagged_shown(self) -> list[Shown]:
        """Earlier ratings against the change of loyalty of the same customers."""
        if self.lagged is None:
            return []
        found = self.lagged
        reading = {"clear": "changed", "not clear": "no clear change"}
        rows = found.table.assign(
            driver=[_label(name) for name in found.table["driver"]], label=[_label(name) for name in found.table["driver"]],
            reading=[reading.get(word, word) for word in found.table["reading"]], unit="",
        )  # fmt: skip
        clear = found.table[found.table["reading"] == "clear"].to_dict("records")
        earlier, later = period_text(found.earlier), period_text(found.later)
        title = f"No rating of {earlier} clearly goes with the change of {inside_text(self.outcome)} until {later}."
        if clear:
            top = max(clear, key=lambda row: abs(row["estimate"]) / row["std_error"])
            size = difference_text(top["estimate"], "", top["conf_low"], top["conf_high"])
            title = (
                f"A point more of {top['driver']} in {earlier} goes with {size} points of {inside_text(self.outcome)} in {later}, at the "
                f"same {inside_text(self.outcome)} before."
            )
        back = [
            name
            for name, word in zip(found.table["driver"], found.table["reverse_reading"], strict=True)
            if word == "clear"
        ]
        note = {
            "Base": f"{found.n:,} who answered everything of {found.n_returned:,} who came back; {found.n_earlier:,} answered the first "
            f"time ({SURVEY_WORDS.get(self.lagged_survey, self.lagged_survey)})",
            "Test": f"{len(rows)} drivers, Benjamini–Hochberg",
            "Other way round": f"Earlier {inside_text(self.outcome)} goes with later {list_text(back)}"
            if back
            else "Nothing clear",
            "Read": "Who came back chose to. An earlier outcome that is answered with error holds too little fixed",
        }
        words = {
            "name": "later_loyalty",
            "title": title,
            "subtitle": f"Points of {inside_text(self.outcome)} in {later} that go with a point more of a rating in {earlier}, the "
            f"earlier outcome and the other ratings held fixed; {100 * found.conf_level:g}% interval",
            "alt": describe("Later outcome by earlier rating", rows, label_col="label", difference=True)
            .replace(", changed", ", clear")
            .replace(", no clear change", ", not clear"),
            "note": note,
            "folded": True,
        }
        return [(words, rows)]


def credibility(
    asked: DriverAnswers,
    *,
    responses: pd.DataFrame,
    not_applicable: Collection[str] = (),
    conf_level: float = 0.95,
    min_base: int = 30,
    random_state: int = 0,
) -> Credibility:
    """All that says whether the drivers of `asked` can be believed.

    `responses` are those of all waves and surveys. `not_applicable` names drivers of which the study says that no answer means "not
    used". Whatever the study lacks is left out with its reason; nothing is raised for it.
    """
    reasons: list[str] = []
    n = len(asked.whole)
    checks, places, ranking = None, None, None
    if n < max(min_base, len(asked.drivers) + 3):
        reasons.append(f"The checks need more respondents: {n:,} of {len(asked.rows):,} answered every driver.")
    else:
        checks = _checks(asked, conf_level)
        places = places_of(asked, conf_level=conf_level, min_base=min_base, random_state=random_state)
        try:
            ranking = _ranking(asked, not_applicable, conf_level, random_state)
        except NotApplicableError as error:
            reasons.append(f"Missing answers are not drawn: {error}.")
    marks = {name: asked.rows[name].isna() for name in asked.drivers if name in not_applicable}
    lost = rows_lost(asked.rows, asked.outcome, asked.drivers, not_applicable=marks)
    lagged, survey = None, ""
    try:
        lagged, survey = _lagged(asked, responses, conf_level)
    except NotApplicableError as error:
        reasons.append(f"Later loyalty is not held against earlier ratings: {error}.")
    return Credibility(
        checks=checks, lost=lost.assign(label=lost["driver"].map(asked.labels)), ranking=ranking, lagged=lagged, lagged_survey=survey,
        places=places, reasons=reasons, outcome=asked.label(asked.outcome), n=n, n_asked=len(asked.rows), conf_level=conf_level,
    )  # fmt: skip


def _spoken(asked: DriverAnswers, items: list[str]) -> dict[str, str]:
    """Item → its label inside a sentence; two items with one label keep their names behind it."""
    labels = {item: spoken(asked.label(item)) for item in items}
    often = pd.Series(list(labels.values())).value_counts()
    return {item: label if often[label] == 1 else f"{label} ({item})" for item, label in labels.items()}


def _spoken_table(asked: DriverAnswers, rows: pd.DataFrame, *more: str) -> dict[str, Any]:
    """The answers with labels for names, so that what is said of them can be read, as arguments for a statistic. `more` columns keep
    their names."""
    names = _spoken(asked, [asked.outcome, *asked.drivers])
    own = {
        role: column for role, column in ((_WEIGHT, asked.weights_col), (_CLUSTER, asked.cluster_col)) if column in rows
    }
    table = rows[[*names, *more]].rename(columns=names)
    return {
        "data": table.assign(**{role: rows[column] for role, column in own.items()}),
        "outcome": names[asked.outcome],
        "drivers": [names[item] for item in asked.drivers],
        "weights_col": _WEIGHT if _WEIGHT in own else None,
        "cluster_col": _CLUSTER if _CLUSTER in own else None,
    }


def _checks(asked: DriverAnswers, conf_level: float) -> ExpertChecks:
    told = _spoken_table(asked, asked.rows)
    drivers = dict(zip(asked.drivers, told["drivers"], strict=True))
    about = asked.touchpoint_of
    named = {str(row["touchpoint"]): spoken(str(row["label"])) for row in asked.touchpoints.to_dict("records")}
    return expert_checks(
        **told,
        scales={drivers[item]: ends for item, ends in asked.scales.items()} | {told["outcome"]: asked.outcome_scale},
        touchpoint_of={drivers[item]: named.get(str(about[item])) for item in asked.drivers},
        touchpoints=list(named.values()),
        conf_level=conf_level,
    )


def _ranking(
    asked: DriverAnswers, not_applicable: Collection[str], conf_level: float, random_state: int
) -> RankingComparison | None:
    """None where no answer is missing."""
    holes, p = asked.rows[asked.drivers].isna(), len(asked.drivers)
    if not holes.to_numpy().any():
        return None
    told = _spoken_table(asked, asked.rows)
    drivers = dict(zip(asked.drivers, told["drivers"], strict=True))
    marked = [item for item in asked.drivers if item in not_applicable]
    if not holes.drop(columns=marked).to_numpy().any():
        raise NotApplicableError("the study says that no answer means not used")
    few = [drivers[item] for item in asked.drivers if item not in marked and holes[item].mean() > _MOST_MISSING]
    if few:
        raise NotApplicableError(f"fewer than half answered {list_text(few)}")
    if p > MOST_DRAWN:
        raise NotApplicableError(f"all subsets of {p} drivers would take too long ({MOST_DRAWN} are the most)")
    if len(asked.whole) < max(30, 5 * p):
        raise NotApplicableError(
            f"{len(asked.whole)} respondents answered everything, too few to hold {p} drivers against"
        )
    return ranking_depends(
        **told,
        not_applicable={drivers[item]: holes[item] for item in marked},
        n_imputations=10 if p <= 12 else 4,
        n_boot=100,
        conf_level=conf_level,
        random_state=random_state,
    )


def _lagged(asked: DriverAnswers, responses: pd.DataFrame, conf_level: float) -> tuple[LaggedDrivers, str]:
    """The survey whose two newest waves most customers answered, and its later outcome on earlier ratings."""
    columns = [asked.outcome, *asked.drivers]
    if not {"customer_id", *columns} <= set(responses.columns):
        raise NotApplicableError("the answers do not say whose they are")
    rows = responses[responses["customer_id"].notna() & responses[asked.outcome].notna()]
    if rows.empty:
        raise NotApplicableError("the answers do not say whose they are")
    rows = rows[rows["perspective"] == "customer"] if "perspective" in rows else rows
    best: tuple[int, str, str, str] | None = None
    for survey, part in rows.groupby("survey", sort=True):
        asked_in = part.groupby("wave")[asked.drivers].count().min(axis=1)
        newest = part.groupby("wave")["counted_at"].max()[asked_in > 0].sort_values(kind="stable").index[-2:]
        if len(newest) < 2:
            continue
        before, after = (part[part["wave"] == wave] for wave in newest)
        n = before.dropna(subset=columns)["customer_id"].drop_duplicates().isin(after["customer_id"]).sum()
        if best is None or n > best[0]:
            best = int(n), str(survey), str(newest[0]), str(newest[1])
    if best is None:
        raise NotApplicableError("no survey asked about all of them in two waves")
    n, survey, earlier, later = best
    if n < LEAST_RETURNED:
        raise NotApplicableError(
            f"needs {LEAST_RETURNED} customers who answered two waves, and {n or 'none'} answered everything in {period_text(earlier)} "
            f"and came back in {period_text(later)} ({SURVEY_WORDS.get(survey, survey)})"
        )
    own = rows[rows["survey"] == survey]
    told = _spoken_table(asked, own, "customer_id", "wave")
    found = lagged_drivers(
        **told, respondent_col="customer_id", wave_col="wave", earlier=earlier, later=later, conf_level=conf_level
    )
    return found, survey


def _opening(text: str) -> str:
    """A text that opens a sentence, perhaps with a quoted label."""
    return f"“{capital_text(text[1:])}" if text.startswith("“") else capital_text(text)


def _label(name: str) -> str:
    """A driver's name as it opens a row."""
    return capital_text(name.strip("“”"))


def _figure(row: dict[Any, Any]) -> str:
    """The figure of a check as it is read."""
    value, unit = float(row["estimate"]), str(row["unit"])
    if row["verdict"] == "not checked" or not unit or math.isnan(value):
        return ""
    if unit.startswith("%"):
        return f"{value:.0f}{unit}"
    if unit == "p":
        return f"p {p_text(value)}"
    decimals = {"variance inflation": 1, "Kendall's τ": 2}.get(unit, 0)
    what = {"rows": "a driver", "percentage points": "percentage points at most"}.get(unit, unit)
    number = number_text(value, decimals)
    if decimals:
        return f"{capital_text(what)} {number}"
    return f"{number} {what.removesuffix('s') if number == '1' else what}"
