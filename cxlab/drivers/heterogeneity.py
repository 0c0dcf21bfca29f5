"""For whom does what count? Whether the drivers of loyalty differ between segments, between accounts and between customers. For a page.

Respondents are put into groups by every column of the answers and of the customers table that makes two to twelve of them, and by
the needs segments of 01. One row of `groupings` is one such grouping. Each gets one joint test of all drivers (`segment_differences`,
least squares, with the weights and accounts of the answers), corrected for the number of groupings (Benjamini & Hochberg). Only inside
groupings that are clear are single drivers called different; the level there is smaller by the share of groupings that are clear, because
they were picked (Benjamini & Bogomolov, *Journal of the Royal Statistical Society B* 76, 2014). One row of `by_segment` is one driver in
one segment.

Coefficients are points of the outcome that go with a point more of a driver (ten on a scale longer than ten), the others held fixed. They
are association. Respondents without an answer to every driver are in no test; segments with too few are left out, and a grouping that
keeps fewer than two of them is not tested and says why. "Not clear" does not say that segments are the same: `detectable` says how
large a difference between two of them would usually have been seen.

Single accounts and customers have too few answers for a model each: see `cxlab.drivers.accounts`. Their tables name them and belong
into restricted lists (`restricted`); the page has a count and the spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from cxlab.data.answers import MOST_GROUPS, grouping_columns
from cxlab.drivers.accounts import (
    LEAST_ACCOUNTS,
    LEAST_ANSWERS,
    LEAST_CUSTOMERS,
    AccountPriorities,
    account_priorities,
    customer_priorities,
)
from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.groups import LEAST_PER_DRIVER, SegmentDifferences, segment_differences
from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import detectable_difference
from cxlab.problems import NotApplicableError
from cxlab.wording import (
    capital_text,
    decimals_of,
    estimate_text,
    inside_text,
    interval_text,
    list_text,
    number_text,
    p_text,
)

Shown = tuple[dict[str, Any], pd.DataFrame]
NEEDS_SEGMENT = "needs segment"
_PICTURES = 4  # of single drivers; the tables have all
_ROWS = 60  # of a table on the page; above, only the drivers that differ
_NAMED = 6  # more groupings than this are counted, not named
_SUBSETS = 6_000_000  # for intervals of shares, over all segments and resamples: two or three seconds
_MOST_BOOT, _LEAST_BOOT = 300, 100
_GROUPINGS = ["label", "segments", "n", "statistic", "df", "df_residual", "p_value", "q_value", "reading", "result"]
_BY_SEGMENT = [
    "grouping", "segment", "driver", "label", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "share", "share_low",
    "share_high", "share_text", "p_value", "q_value", "differs", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class ForWhom:
    """`groupings` has one row a grouping, surest first: label, segments (large enough), n (in them), the joint test, q_value over the
    groupings, reading ("differs", "not clear", "not tested") and result, the same in words. `by_segment` has, for clear groupings, one
    row a driver and segment: coefficient, share of R² (percent) and the driver's test (differs: clear once all tests are counted).
    `left_out` is grouping → respondents in segments that are too small. `detectable` is in points of the outcome; NaN where nothing was
    tested.

    `accounts` and `customers` are the pooled priorities, or None: `why_no_accounts` (empty where the study knows no accounts) and
    `why_no_customers` say why.
    """

    outcome: str
    wave: str
    labels: dict[str, str]
    owners: dict[str, str | None]
    step: str
    groupings: pd.DataFrame
    by_segment: pd.DataFrame
    left_out: dict[str, int]
    detectable: float
    least: int
    n_whole: int
    accounts: AccountPriorities | None
    why_no_accounts: str
    customers: AccountPriorities | None
    why_no_customers: str
    clustered: bool
    weighted: bool
    conf_level: float

    # ------------------------------------------------------------------------------------------------------- in words

    @property
    def clear(self) -> pd.DataFrame:
        """The groupings between whose segments drivers clearly differ."""
        return self.groupings[self.groupings["reading"] == "differs"]

    @property
    def tested(self) -> pd.DataFrame:
        return self.groupings[self.groupings["reading"] != "not tested"]

    def sentences(self) -> list[str]:
        """What is clear: between segments, and between accounts."""
        said = []
        if len(self.clear):
            names = list_text(self.clear["label"]) if len(self.clear) <= _NAMED else f"{len(self.clear)} groupings"
            said.append(f"What moves {inside_text(self.outcome)} differs by {names}{self._largest()}.")
        if self.accounts is not None and self._apart(self.accounts):
            names = list_text(inside_text(self.labels[driver]) for driver in self._apart(self.accounts))
            said.append(f"Accounts clearly differ in how much {names} counts ({self.accounts.n_accounts:,} accounts).")
        return said

    def notes(self) -> list[str]:
        """What could not be told, and how much of a difference would have been seen."""
        return [text for text in (self._still(), self._alone()) if text]

    def _largest(self) -> str:
        """The surest driver of the surest grouping, in its two furthest segments."""
        for grouping in self.clear["label"]:
            pair = self._ends(grouping)
            if pair is not None:
                high, low = pair
                best, least = (f"for {row['segment']} (n {row['n']:,})" for row in pair)
                start = f": {self.step} more of {inside_text(high['label'])} goes with"
                return f"{start} {_effect(high)} points {best}, {_effect(low)} {least}"
        return ", though no single driver clearly does"

    def _ends(self, grouping: str, driver: str = "") -> tuple[dict[Any, Any], dict[Any, Any]] | None:
        """The segments in which a driver (empty: the surest of the grouping) counts most and least."""
        rows = self.by_segment[(self.by_segment["grouping"] == grouping) & self.by_segment["differs"]]
        rows = rows[rows["driver"] == (driver or next(iter(rows["driver"]), ""))].dropna(subset=["estimate"])
        if rows.empty:
            return None
        found = rows.sort_values("estimate", ascending=False, kind="stable").to_dict("records")
        return found[0], found[-1]

    def _still(self) -> str:
        """Why nothing was tested; or that nothing is clear, and what would have been seen."""
        outcome, tested = inside_text(self.outcome), self.tested
        if self.groupings.empty:
            return (
                "Whether drivers differ between segments cannot be told: no column of the answers or of the customers makes "
                f"2 to {MOST_GROUPS} groups."
            )
        if tested.empty:
            return (
                f"Whether drivers differ between segments cannot be told: by {self._names(self.groupings)} there are no two segments "
                f"with {self.least} respondents who answered every driver; {self.n_whole:,} did in all."
            )
        if len(self.clear):
            return ""
        segments = int(tested["segments"].sum())
        return (
            f"What moves {outcome} does not clearly differ by {self._names(tested)} ({segments} segments). Two of them that differ by "
            f"{estimate_text(self.detectable)} points of {outcome} for {self.step} more of a driver would usually have been told apart, "
            "taken alone."
        )

    def _names(self, rows: pd.DataFrame) -> str:
        names = list(rows["label"])
        return list_text(names) if len(names) <= _NAMED else f"any of {len(names)} groupings"

    def _alone(self) -> str:
        parts = []
        if self.why_no_accounts:
            parts.append(f"single accounts ({self.why_no_accounts})")
        if self.why_no_customers:
            parts.append(f"single customers ({self.why_no_customers})")
        return f"What counts for {list_text(parts)} cannot be told." if parts else ""

    # ------------------------------------------------------------------------------------------------------- exhibits

    def drivers_shown(self) -> list[Shown]:
        """The surest drivers that differ, one picture each: the coefficient in each segment."""
        return [
            self._driver_shown(number, grouping, driver)
            for number, (grouping, driver) in enumerate(self._pictured(), start=1)
        ]

    def _pictured(self) -> list[tuple[str, str]]:
        """Grouping and driver: the surest of each clear grouping in turn, until there are enough pictures."""
        rows = self.by_segment[self.by_segment["differs"]].drop_duplicates(["grouping", "driver"])
        turn = rows.groupby("grouping", sort=False).cumcount()
        rows = rows.iloc[np.argsort(turn, kind="stable")].head(_PICTURES)
        return list(zip(rows["grouping"], rows["driver"], strict=True))

    def _driver_shown(self, number: int, grouping: str, driver: str) -> Shown:
        own = self.by_segment[(self.by_segment["grouping"] == grouping) & (self.by_segment["driver"] == driver)]
        rows = own.sort_values("estimate", ascending=False, kind="stable", ignore_index=True).assign(unit="")
        level = f"{100 * self.conf_level:g}% interval"
        pair = self._ends(grouping, driver)
        assert pair is not None  # a driver that differs has a coefficient in two segments
        high, low = pair
        label = inside_text(str(high["label"]))
        test = self.groupings[self.groupings["label"] == grouping].to_dict("records")[0]
        return {
            "name": f"for_whom_{number}",
            "title": f"{capital_text(label)} counts differently by {grouping}: {_effect(high)} for {high['segment']}, {_effect(low)} "
            f"for {low['segment']}.",
            "subtitle": f"Points of {inside_text(self.outcome)} that go with {self.step} more of {label}, the other drivers held fixed; "
            f"{level}",
            "alt": f"Dot plot of the coefficient of {label} by {grouping}: "
            + "; ".join(f"{row['segment']} {_effect(row)}" for row in rows.to_dict("records"))
            + ".",
            "note": {
                "Base": f"{int(test['n']):,} respondents who answered every driver; {self._small(grouping)}",
                "Test": f"All drivers together q {p_text(test['q_value'])} ({len(self.tested)} groupings, Benjamini–Hochberg); "
                f"{label} q {p_text(high['q_value'])} ({len(self.labels)} drivers); {self._errors()}",
                "Read": "The test is of the difference; intervals of two segments that overlap do not say that they are alike",
            },
        }, rows  # fmt: skip

    def segments_shown(self) -> list[Shown]:
        """For each clear grouping all drivers by segment: coefficient and share of what they explain."""
        return [self._segment_shown(number, grouping) for number, grouping in enumerate(self.clear["label"], start=1)]

    def _segment_shown(self, number: int, grouping: str) -> Shown:
        whole = self.by_segment[self.by_segment["grouping"] == grouping].reset_index(drop=True)
        apart = list(dict.fromkeys(whole.loc[whole["differs"], "label"]))
        rows = whole[whole["differs"]] if len(whole) > _ROWS and apart else whole
        title = f"The drivers differ by {grouping}, though no single one of {len(self.labels)} clearly does."
        if apart:
            names = f": {list_text(map(inside_text, apart))}" if len(apart) <= _NAMED else ""
            verb = "differs" if len(apart) == 1 else "differ"
            title = f"{len(apart)} of {len(self.labels)} drivers clearly {verb} by {grouping}{names}."
        share = f"With {len(self.labels)} drivers its interval would take too long, so it is not computed"
        if whole["share"].notna().any():
            share = (
                "Of what the drivers explain in the segment (LMG). It also depends on how much answers differ there; the test is of "
                "the coefficients"
            )
        note = {
            "Share": share,
            "Base": capital_text(self._small(grouping)),
        }
        if len(rows) < len(whole):
            note["Not shown"] = "Drivers that do not clearly differ; the data file has them"
        return {
            "name": f"by_segment_{number}",
            "title": title,
            "subtitle": f"Points of {inside_text(self.outcome)} that go with {self.step} more of a driver, and share of what is "
            f"explained, by {grouping}; {100 * self.conf_level:g}% interval",
            "note": note,
            "table": whole,
        }, rows.reset_index(drop=True)  # fmt: skip

    def groupings_shown(self) -> list[Shown]:
        """All groupings with their tests."""
        if self.groupings.empty:
            return []
        return [
            (
                {
                    "name": "groupings",
                    "title": f"The drivers clearly differ by {len(self.clear)} of {len(self.groupings)} groupings; {len(self.tested)} "
                    "could be tested.",
                    "subtitle": "One joint test of all drivers for each column that puts respondents into groups",
                    "note": {
                        "Base": f"{self.n_whole:,} respondents of {self.wave} who answered every driver",
                        "Test": f"Does any coefficient differ between any segments, levels apart; {self._errors()}; q over "
                        f"{len(self.tested)} groupings (Benjamini–Hochberg)",
                        "Segments": f"From {self.least} respondents who answered every driver",
                    },
                },
                self.groupings.drop(columns=["reading"]),
            )
        ]

    def accounts_shown(self) -> list[Shown]:
        """How far accounts, and customers, scatter around the whole: never a single one."""
        kinds = (("accounts", self.accounts), ("customers", self.customers))
        return [self._spread_shown(kind, found) for kind, found in kinds if found is not None]

    def _spread_shown(self, kind: str, found: AccountPriorities) -> Shown:
        rows = found.spread.assign(label=found.spread["driver"].map(self.labels), unit="", reason="")
        apart = self._apart(found)
        title = f"What counts does not clearly differ between {found.n_accounts:,} {kind}."
        if apart:
            off = found.table[found.table["driver"].isin(apart) & (found.table["reading"] != "not clear")]
            count = "counts" if len(apart) == 1 else "count"
            title = (
                f"{len(apart)} of {len(rows)} drivers {count} differently between {found.n_accounts:,} {kind}; "
                f"{off[found.unit_col].nunique():,} of these lie clearly off the whole."
            )
        return {
            "name": f"{kind}_spread",
            "title": title,
            "subtitle": f"Points of {inside_text(self.outcome)} that go with one point more of a driver, over all; and how far {kind} "
            "scatter around it (standard deviation)",
            "note": {
                "Base": f"{found.n:,} answers of {found.n_accounts:,} {kind}; not weighted",
                "Method": f"One model with random coefficients: {kind} with few answers are drawn towards the whole"
                + ("; the means of each one's answers are held fixed" if found.means_held else ""),
                "Test": f"That a driver does not scatter; {len(rows)} drivers, Benjamini–Hochberg",
                "Not shown": f"Single {kind}: they are in a restricted list",
            },
            "folded": not apart,
        }, rows  # fmt: skip

    def restricted(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """The lists that name accounts and customers."""
        for name, found in (("account_priorities", self.accounts), ("customer_priorities", self.customers)):
            if found is not None:
                yield name, found.to_frame().assign(label=lambda table: table["driver"].map(self.labels))

    def findings(self) -> list[dict[str, Any]]:
        """The drivers of the pictures, for the segment in which each counts most, where it clearly counts there."""
        made = []
        for words, rows in self.drivers_shown():
            high = rows.to_dict("records")[0]
            if not high["conf_low"] > 0:
                continue
            grouping, driver = str(high["grouping"]), str(high["driver"])
            made.append(
                {
                    "name": f"driver_{driver}_by_{grouping.replace(' ', '_')}",
                    "result": {**high, "headline": words["title"]},
                    "level": "segment",
                    "target": str(high["segment"]),
                    "owner": self.owners[driver],
                    "unit": "",
                    "definition": f"coefficient of {driver} among respondents of the segment, the other drivers held fixed",
                    "comparable": "cumulative",
                    "label": f"Driver by {grouping}: {inside_text(high['label'])}",
                }
            )
        return made

    def _apart(self, found: AccountPriorities) -> list[str]:
        """The drivers that scatter between accounts."""
        return list(found.spread.loc[found.spread["reading"] == "differs", "driver"])

    def _small(self, grouping: str) -> str:
        lost = self.left_out[grouping]
        if not lost:
            return "every segment is large enough"
        return f"{lost:,} more in segments below {self.least} are left out"

    def _errors(self) -> str:
        return ("errors by account (CR3)" if self.clustered else "HC3 errors") + (", weighted" if self.weighted else "")


def for_whom(
    asked: DriverAnswers,
    *,
    membership: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    responses: pd.DataFrame | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
    random_state: int = 0,
) -> ForWhom:
    """Whether the drivers differ by every grouping that the answers, `customers` (customer_id and any column) and `membership`
    (customer_id, segment or segment_id; the product of 01) give, and between accounts and customers.

    `responses` are the answers of all waves, for customers who answered in several; without them nothing is said of customers.
    """
    groups_of = _groupings(asked, membership, customers)
    found = {label: _compared(asked, groups, min_base, conf_level) for label, groups in groups_of.items()}
    tests = _tests(found, conf_level)
    clear = list(tests.loc[tests["reading"] == "differs", "label"])
    level = (1 - conf_level) * len(clear) / max(int((tests["reading"] != "not tested").sum()), 1)
    n_boot = _resamples(len(asked.drivers), sum(int(found[label].segments["kept"].sum()) for label in clear))
    parts = []
    for label in clear:
        if n_boot:
            found[label] = _compared(asked, groups_of[label], min_base, conf_level, n_boot, random_state)
        parts.append(_rows(label, found[label], asked, level))
    none = pd.DataFrame(columns=_BY_SEGMENT).astype({"differs": bool})
    by_segment = pd.concat(parts, ignore_index=True) if parts else none
    accounts, why_no_accounts = _accounts(asked, customers, conf_level, random_state)
    single, why_no_customers = _customers(asked, responses, conf_level, random_state)
    return ForWhom(
        outcome=asked.label(asked.outcome),
        wave=asked.wave,
        labels=asked.labels,
        owners=asked.owners,
        step=asked.step_words,
        groupings=tests.assign(result=[_result(row, by_segment) for row in tests.to_dict("records")])[_GROUPINGS],
        by_segment=by_segment,
        left_out={label: one.n_small for label, one in found.items()},
        detectable=_detectable(list(found.values()), asked, conf_level),
        least=max(min_base, LEAST_PER_DRIVER * len(asked.drivers)),
        n_whole=len(asked.whole),
        accounts=accounts,
        why_no_accounts=why_no_accounts,
        customers=single,
        why_no_customers=why_no_customers,
        clustered=asked.cluster_col is not None,
        weighted=asked.weights_col is not None,
        conf_level=conf_level,
    )


# -------------------------------------------------------------------------------------------------------------- segments


def _groupings(
    asked: DriverAnswers, membership: pd.DataFrame | None, customers: pd.DataFrame | None
) -> dict[str, pd.Series]:
    """Its name in words → the group of each respondent; the column of the answers where the customers table has the same."""
    rows = asked.rows
    found = {column: rows[column] for column in grouping_columns(rows, asked.items.index)}
    if "customer_id" in rows:
        if customers is not None:
            known = customers.drop_duplicates("customer_id").set_index("customer_id")
            found |= {
                column: rows["customer_id"].map(known[column])
                for column in grouping_columns(customers)
                if column not in found
            }
        if membership is not None and len(membership):
            name = "segment" if "segment" in membership else "segment_id"
            placed = membership.drop_duplicates("customer_id").set_index("customer_id")[name]
            found[NEEDS_SEGMENT] = rows["customer_id"].map(placed)
    return {
        column.replace("_", " "): groups.astype(object)
        for column, groups in found.items()
        if 2 <= groups.nunique() <= MOST_GROUPS
    }


def _compared(
    asked: DriverAnswers,
    groups: pd.Series,
    min_base: int,
    conf_level: float,
    n_boot: int = 0,
    random_state: int = 0,
) -> SegmentDifferences:
    return segment_differences(
        asked.rows.assign(_group=groups),
        outcome=asked.outcome,
        drivers=asked.drivers,
        segment_col="_group",
        weights_col=asked.weights_col,
        cluster_col=asked.cluster_col,
        min_base=min_base,
        conf_level=conf_level,
        n_boot=n_boot,
        random_state=random_state,
    )


def _tests(found: dict[str, SegmentDifferences], conf_level: float) -> pd.DataFrame:
    """The joint test of each grouping, corrected over them, the surest first and those without a test last."""
    table = pd.DataFrame(
        [
            {
                "label": label, "segments": int(one.segments["kept"].sum()), "n": one.n, "statistic": one.statistic, "df": one.df,
                "df_residual": one.df_residual, "p_value": one.p_value, "reason": one.reason,
            }
            for label, one in found.items()
        ],
        columns=["label", "segments", "n", "statistic", "df", "df_residual", "p_value", "reason"],
    )  # fmt: skip
    table["q_value"] = benjamini_hochberg(table["p_value"])
    untold = table["p_value"].isna()
    reading = np.where(untold, "not tested", np.where(table["q_value"] < 1 - conf_level, "differs", "not clear"))
    return table.assign(reading=reading).sort_values(
        ["p_value", "statistic"], ascending=[True, False], kind="stable", ignore_index=True
    )


def _result(row: dict[Any, Any], by_segment: pd.DataFrame) -> str:
    if row["reading"] == "not tested":
        return f"Not tested: {row['reason']}"
    if row["reading"] == "not clear":
        return "Not clear"
    own = by_segment[(by_segment["grouping"] == row["label"]) & by_segment["differs"]]
    names = list(dict.fromkeys(own["label"].map(inside_text)))
    if len(names) > _NAMED:
        return f"Differs: {len(names)} drivers"
    return f"Differs: {list_text(names)}" if names else "Differs, no single driver clearly"


def _rows(label: str, found: SegmentDifferences, asked: DriverAnswers, level: float) -> pd.DataFrame:
    """One row a driver and segment of a clear grouping, the surest driver first; figures for the step of each driver."""
    tests = found.tests.assign(differs=found.tests["q_value"] < level).sort_values(
        ["p_value", "statistic"], ascending=[True, False], kind="stable"
    )
    rows = tests[["driver", "p_value", "q_value", "differs"]].merge(found.coefficients, on="driver", sort=False)
    step = rows["driver"].map(asked.steps)
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        rows[column] = rows[column] * step
    has_ends = rows["share_low"].notna()
    for column in ("share", "share_low", "share_high"):
        rows[column] = (100 * rows[column]).where(has_ends)
    return rows.assign(
        grouping=label,
        label=rows["driver"].map(asked.labels),
        segment=rows["segment"].astype(str),
        share_text=[_share(row) for row in rows.to_dict("records")],
    )[_BY_SEGMENT]


def _share(row: dict[Any, Any]) -> str:
    """A share is shown with its interval, or not at all."""
    if math.isnan(row["share"]):
        return "not computed"
    return f"{estimate_text(row['share'], '%')} ({interval_text(row['share_low'], row['share_high'], '%')})"


def _resamples(drivers: int, segments: int) -> int:
    """How many resamples for the intervals of shares: 2^drivers subsets for each segment and resample; 0 where few are possible."""
    n_boot = min(_MOST_BOOT, _SUBSETS // max(segments * 2**drivers, 1))
    return n_boot if n_boot >= _LEAST_BOOT else 0


def _detectable(found: list[SegmentDifferences], asked: DriverAnswers, conf_level: float) -> float:
    """What a comparison of two segments would usually (80%) have shown, at the median over drivers and pairs of segments."""
    steps = asked.steps
    errors = [
        float(np.hypot(one, other)) * steps[str(driver)]
        for tested in found
        if not math.isnan(tested.p_value)
        for driver, rows in tested.coefficients.groupby("driver", sort=False)
        for one, other in combinations(rows["std_error"].dropna(), 2)
    ]
    return detectable_difference(float(np.median(errors)), conf_level=conf_level) if errors else math.nan


def _effect(row: dict[Any, Any]) -> str:
    """A coefficient as its picture writes it, its interval as fine; why there is none, where the driver has no spread of its own."""
    if math.isnan(row["estimate"]):
        return f"not shown, {row['reason']}"
    decimals = decimals_of("", row["estimate"])
    value, low, high = (number_text(row[column], decimals) for column in ("estimate", "conf_low", "conf_high"))
    return f"{value} ({low} to {high})"


# ------------------------------------------------------------------------------------------- single accounts and customers


def _accounts(
    asked: DriverAnswers, customers: pd.DataFrame | None, conf_level: float, random_state: int
) -> tuple[AccountPriorities | None, str]:
    """The priorities of accounts, or why there are none; neither where no account is known."""
    rows = asked.whole
    known = rows["account_id"].astype(object) if "account_id" in rows else pd.Series(None, rows.index, dtype=object)
    if customers is not None and "account_id" in customers and "customer_id" in rows:
        account_of = customers.drop_duplicates("customer_id").set_index("customer_id")["account_id"]
        known = known.where(known.notna(), rows["customer_id"].map(account_of))
    if known.isna().all():
        return None, ""
    own = rows.assign(account_id=known).dropna(subset=["account_id"])
    if why := _too_few(own, asked.drivers, "account_id", "accounts", LEAST_ACCOUNTS, 2):
        return None, why
    try:
        return account_priorities(
            own, outcome=asked.outcome, drivers=asked.drivers, account_col="account_id", conf_level=conf_level, random_state=random_state
        ), ""  # fmt: skip
    except NotApplicableError:
        return None, _no_rest(own, "account_id", "accounts")


def _customers(
    asked: DriverAnswers, responses: pd.DataFrame | None, conf_level: float, random_state: int
) -> tuple[AccountPriorities | None, str]:
    """The priorities of customers who answered in several waves of the survey, or why there are none."""
    if responses is None or "customer_id" not in responses:
        return None, ""
    own = responses[responses["survey"] == asked.survey]
    if "perspective" in own:
        own = own[own["perspective"] == "customer"]
    own = own.dropna(subset=["customer_id", asked.outcome, *asked.drivers])
    if why := _too_few(own, asked.drivers, "customer_id", "customers", LEAST_CUSTOMERS, LEAST_ANSWERS):
        return None, why
    try:
        return customer_priorities(
            own, outcome=asked.outcome, drivers=asked.drivers, customer_col="customer_id", wave_col="wave", conf_level=conf_level,
            random_state=random_state,
        ), ""  # fmt: skip
    except NotApplicableError:
        return None, _no_rest(own, "customer_id", "customers")


def _too_few(rows: pd.DataFrame, drivers: Iterable[str], unit_col: str, units: str, least: int, answers: int) -> str:
    """Why complete answers by account (or customer) cannot tell one from another; empty where they can."""
    counts = rows[unit_col].value_counts()
    enough = int((counts >= answers).sum())
    if enough < least:
        return f"{least} {units} with {answers} complete answers or more are needed, {enough} have them"
    X = rows[list(drivers)].to_numpy(dtype=float)
    if np.linalg.matrix_rank(X - X.mean(axis=0)) < X.shape[1]:
        return "among their answers a driver never changes, or follows from the others"
    return ""


def _no_rest(rows: pd.DataFrame, unit_col: str, units: str) -> str:
    """The answers are fewer than there is to tell."""
    return f"{len(rows):,} complete answers of {rows[unit_col].nunique():,} {units} are too few to tell them apart"
