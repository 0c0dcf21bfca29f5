"""How long do customers stay, who leaves, and how fast do they pay?

Survival is that of `cxlab.inference.survival`: whoever is still there when the data end counts as censored, never as lost and
never as stayed for good. Customers who joined before the log begins come in late (left truncation): they are at risk only from
the day on which they can be seen. Groups are compared by the log-rank test. None of this says why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference import mean_row, share_row
from cxlab.inference.intervals import critical_value
from cxlab.inference.survival import kaplan_meier, log_rank
from cxlab.problems import NotApplicableError
from cxlab.wording import capital_text, describe, list_text, number_text

Shown = tuple[dict[str, Any], pd.DataFrame]
DAYS_A_MONTH = 30.4375
_MONTHS_SHOWN = 36
_MOST_GROUPS = 4


def wallet_share(rank: npt.ArrayLike, n_brands: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The share of a customer's spending that a brand of this rank among n brands gets (Keiningham et al. 2011).

    (1 − rank/(n + 1))·2/n. Raises ValueError for a rank outside 1 to n.

    >>> wallet_share([1, 2], [3, 4]).round(2).tolist()
    [0.5, 0.3]
    """
    r, n = np.asarray(rank, dtype=float), np.asarray(n_brands, dtype=float)
    wrong = (r < 1) | (r > n)
    if wrong.any():
        raise ValueError(f"a rank lies between 1 and the number of brands, got {r[wrong][0]:g} of {n[wrong][0]:g}")
    made: npt.NDArray[np.float64] = (1 - r / (n + 1)) * 2 / n
    return made


def days_to_pay(
    transactions: pd.DataFrame, *, by: str | None = None, as_of: pd.Timestamp, conf_level: float = 0.95
) -> pd.DataFrame:
    """One row a group: the median days from issue to payment with its interval; unpaid invoices are censored at `as_of`.

    Columns: `by`, estimate, conf_low, conf_high, conf_level, n, unpaid, late (share paid, or still unpaid, after due_at),
    p_value (log-rank over all groups), unit, reason. Leaving unpaid invoices out would make everybody look faster.
    """
    known = transactions.dropna(subset=["timestamp"])
    paid = known["paid_at"].notna() & (known["paid_at"] <= as_of)
    end = known["paid_at"].where(paid, as_of)
    days = (end - known["timestamp"]).dt.total_seconds() / 86_400
    frame = known.assign(_days=days, _paid=paid)[days >= 0]
    groups = [("all", frame)] if by is None else list(frame.dropna(subset=[by]).groupby(by, sort=True))
    p_value = math.nan
    if by is not None and len(groups) > 1:
        whole = frame.dropna(subset=[by])
        p_value = log_rank(whole["_days"], whole["_paid"], whole[by])
    rows = []
    for name, part in groups:
        curve = kaplan_meier(part["_days"], part["_paid"], conf_level=conf_level)
        low, high = curve.median_interval
        due = part["due_at"] if "due_at" in part else pd.Series(pd.NaT, index=part.index, dtype="datetime64[ns, UTC]")
        late = (part["paid_at"].fillna(as_of) > due).where(due.notna() & (due <= as_of))
        rows.append(
            {
                by or "group": name, "estimate": curve.median, "std_error": math.nan,
                "conf_low": low, "conf_high": high, "conf_level": conf_level, "n": len(part),
                "unpaid": int((~part["_paid"]).sum()), "late": float(late.mean()), "p_value": p_value, "unit": "days",
                "reason": "" if curve.median == curve.median else "half have not paid yet",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Retention:
    """`curves` has one row a moment and group (months since joining, percent still there), `groups` one row a group with the
    share still there after a year and the share lost a year, `churn` one row a quarter, `pay` one row a loyalty class,
    `wallet` one row a loyalty class, `money` one row a plan or segment with revenue a quarter."""

    by: str
    curves: pd.DataFrame
    groups: pd.DataFrame
    churn: pd.DataFrame
    loyalty: pd.DataFrame
    pay: pd.DataFrame
    wallet: pd.DataFrame
    p_value: float
    n: int
    n_left: int
    revenue: float
    at_risk: float
    currency: str
    conf_level: float

    def headline(self) -> str:
        lost = self.churn.to_dict("records")
        now = lost[-1] if lost else None
        said = "Nobody can be seen leaving"
        if now is not None:
            said = (
                f"{now['estimate']:.1f}% of customers left in {now['label']} ({now['conf_low']:.1f} to {now['conf_high']:.1f}%, "
                f"n {now['n']:,})"
            )
        return said + "."

    @property
    def _when(self) -> str:
        """After how long, from when: "11 months after they told their needs"."""
        months = float(self.groups["months"].iloc[0]) if len(self.groups) else 12.0
        since = "they told us their needs" if self.by == "segment" else "joining"
        return f"{months:.0f} months after {since}"

    @property
    def _answered_for(self) -> str:
        return f"{self.loyalty['months'].iloc[0]:.0f} months"

    def sentences(self) -> list[str]:
        said = []
        if len(self.groups) > 1 and self.p_value < 1 - self.conf_level:
            first, *_, last = self.groups.sort_values("estimate").to_dict("records")
            said.append(
                f"{capital_text(self._when)} {first['estimate']:.0f}% of {_quoted(first['label'])} are still there, and "
                f"{last['estimate']:.0f}% of {_quoted(last['label'])}."
            )
        elif len(self.groups) > 1:
            said.append(f"How long customers stay does not clearly differ by {self.by.replace('_', ' ')}.")
        if len(self.churn) > 1:
            before, now = self.churn.to_dict("records")[-2:]
            change = float(now["estimate"]) - float(before["estimate"])
            error = math.hypot(float(now["std_error"]), float(before["std_error"]))
            clear = error > 0 and abs(change / error) > critical_value(self.conf_level)
            verb = ("more" if change > 0 else "fewer") if clear else "not clearly more or fewer"
            said.append(f"{verb.capitalize()} than in {before['label']} ({before['estimate']:.1f}%).")
        if len(self.loyalty) > 1 and np.isfinite(self.loyalty["p_value"].iloc[0]):
            rows = dict(zip(self.loyalty["label"], map(float, self.loyalty["estimate"]), strict=True))
            if self.loyalty["p_value"].iloc[0] < 1 - self.conf_level and {"detractors", "promoters"} <= set(rows):
                goes = (
                    "loyalty goes with staying"
                    if rows["detractors"] < rows["promoters"]
                    else "the loyal do not stay longer"
                )
                said.append(
                    f"Of those who had answered as detractors {100 - rows['detractors']:.0f}% left within {self._answered_for} of "
                    f"answering, of promoters {100 - rows['promoters']:.0f}%: {goes}."
                )
            else:
                said.append("Detractors and promoters cannot be told apart by who left.")
        pay = self.pay.set_index("label")["estimate"] if len(self.pay) else pd.Series(dtype=float)
        if len(self.pay) > 1 and self.pay["p_value"].iloc[0] < 1 - self.conf_level:
            said.append(
                (
                    "Loyal customers pay sooner: "
                    if pay.iloc[0] > pay.iloc[-1]
                    else "Loyal customers do not pay sooner: "
                )
                + list_text(f"{label} after {days:.0f} days" for label, days in pay.items())
                + " (median, unpaid invoices counted)."
            )
        elif len(self.pay) > 1:
            said.append("How soon customers pay does not clearly go with how loyal they say they are.")
        if self.revenue > 0 and self.at_risk > 0:
            said.append(
                f"Customers who answered as detractors and are still there pay {number_text(self.at_risk)} {self.currency} a "
                f"quarter, {self.at_risk / self.revenue:.0%} of what all who answered pay."
            )
        return said

    def base_sentence(self) -> str:
        return f"{self.n:,} customers, {self.n_left:,} of them have left; who joined before the log began is seen from then on."

    def key_numbers(self) -> pd.DataFrame:
        rows = [
            {**row, "label": f"Left in {row['label']}", "unit": "%"} for row in self.churn.tail(1).to_dict("records")
        ]
        rows += [
            {**row, "label": f"Still there: {row['label']}", "unit": "%"}
            for row in self.groups.sort_values("estimate").head(3).to_dict("records")
        ]
        return pd.DataFrame(rows)

    def curves_shown(self) -> Iterator[Shown]:
        if len(self.curves):
            rows = self.groups.sort_values("estimate").to_dict("records")
            title = f"{capital_text(self._when)} {rows[0]['estimate']:.0f}% of customers are still there."
            if len(rows) > 1:
                title = (
                    f"{capital_text(self._when)} {rows[0]['estimate']:.0f}% of {_quoted(rows[0]['label'])} and "
                    f"{rows[-1]['estimate']:.0f}% of {_quoted(rows[-1]['label'])} are still there."
                )
            table = self.groups.assign(unit="%")
            yield {
                "name": "survival",
                "title": title,
                "subtitle": f"Customers still there, percent, by {self.x_label}; bands are {100 * self.conf_level:g}% intervals",
                "alt": describe("Survival curves, share still there after twelve months", table, label_col="label", unit="%"),
                "note": {
                    "Base": list_text(f"{row['label']} {row['n']:,}" for row in rows),
                    "Test": f"Log-rank p {'< 0.001' if self.p_value < 0.001 else f'{self.p_value:.3f}'}"
                    if np.isfinite(self.p_value)
                    else "One group, no test",
                    "Method": "Kaplan–Meier with late entry; who is still there is censored",
                },
                "table": self.curves,
            }, self.shown_groups()  # fmt: skip

    @property
    def x_label(self) -> str:
        return "months since the answer" if self.by == "segment" else "months since joining"

    def shown_groups(self) -> pd.DataFrame:
        """The curves of at most four groups: those with the lowest and the highest share still there."""
        order = list(self.groups.sort_values("estimate")["label"])
        names = order if len(order) <= _MOST_GROUPS else [*order[:2], *order[-2:]]
        return self.curves[self.curves["group"].isin(names)]

    def churn_shown(self) -> Iterator[Shown]:
        if len(self.churn):
            now = self.churn.to_dict("records")[-1]
            yield {
                "name": "churn",
                "title": f"{now['estimate']:.1f}% of customers left in {now['label']}.",
                "subtitle": "Share of the customers at the beginning of a quarter who left in it, percent, "
                f"{100 * self.conf_level:g}% interval",
                "alt": describe("Line of the share of customers who left by quarter", self.churn, label_col="label", unit="%"),
                "note": {"Base": f"{int(self.churn['n'].min()):,} to {int(self.churn['n'].max()):,} customers a quarter"},
            }, self.churn  # fmt: skip

    def loyalty_shown(self) -> Iterator[Shown]:
        if len(self.loyalty) > 1:
            p = self.loyalty["p_value"].iloc[0]
            rows = self.loyalty.to_dict("records")
            apart = np.isfinite(p) and p < 1 - self.conf_level
            title = "Detractors, passives and promoters leave alike, as far as these data tell."
            if apart:
                title = (
                    f"{self._answered_for} after answering {rows[0]['estimate']:.0f}% of {rows[0]['label']} and "
                    f"{rows[-1]['estimate']:.0f}% of {rows[-1]['label']} are still there."
                )
            yield {
                "name": "loyalty",
                "title": title,
                "subtitle": f"Still there {self._answered_for} after the answer, percent, {100 * self.conf_level:g}% interval",
                "alt": describe(f"Dot plot of who is still there {self._answered_for} after answering", self.loyalty,
                                label_col="label", unit="%"),
                "note": {
                    "Test": f"Log-rank p {'< 0.001' if p < 0.001 else f'{p:.3f}'}",
                    "Base": "First answer of each customer about recommendation; who is still there is censored",
                    "Read": "Only what came after the answer counts",
                },
            }, self.loyalty  # fmt: skip

    def pay_shown(self) -> Iterator[Shown]:
        if len(self.pay):
            p = self.pay["p_value"].iloc[0]
            unpaid = int(self.pay["unpaid"].sum())
            rows = self.pay.to_dict("records")
            title = f"Half of the invoices are paid after {rows[0]['estimate']:.0f} days."
            if len(rows) > 1:
                title = (
                    "Half of the invoices are paid after "
                    + list_text(f"{row['estimate']:.0f} days ({row['label']})" for row in rows)
                    + "."
                )
            note = {"Base": f"{int(self.pay['n'].sum()):,} invoices, {unpaid:,} of them unpaid and censored"}
            if np.isfinite(p):
                note["Test"] = f"Log-rank p {'< 0.001' if p < 0.001 else f'{p:.3f}'}; invoices after the answer only"
            yield {
                "name": "days_to_pay",
                "title": title,
                "subtitle": f"Median days from issue to payment by loyalty, {100 * self.conf_level:g}% interval",
                "alt": describe("Dot plot of the median days to pay by loyalty", self.pay, label_col="label", unit="days"),
                "note": note,
            }, self.pay  # fmt: skip

    def wallet_shown(self) -> Iterator[Shown]:
        if len(self.wallet):
            rows = self.wallet.to_dict("records")
            title = f"Customers give us {rows[0]['estimate']:.0f}% of what they spend."
            if len(rows) > 1:
                title = (
                    f"{capital_text(rows[-1]['label'])} give us {rows[-1]['estimate']:.0f}% of what they spend on such services, "
                    f"{rows[0]['label']} {rows[0]['estimate']:.0f}%."
                )
            yield {
                "name": "wallet",
                "title": title,
                "subtitle": f"Share of wallet by loyalty, percent, {100 * self.conf_level:g}% interval",
                "alt": describe("Dot plot of the share of wallet by loyalty", self.wallet, label_col="label", unit="%"),
                "note": {
                    "Method": "From the place among the providers used (Keiningham et al. 2011), no spending is observed",
                    "Base": f"{int(self.wallet['n'].sum()):,} respondents",
                },
            }, self.wallet  # fmt: skip

    def findings(self) -> list[dict[str, Any]]:
        made = [
            {
                "name": "churn",
                "result": {**row, "headline": f"{row['estimate']:.1f}% of customers left in {row['label']}."},
                "level": "all",
                "unit": "%",
                "better": "lower",
                "definition": "share of the customers at the beginning of a quarter who left in it",
                "comparable": "overlapping",
                "label": "Customers lost in the quarter",
                "key": True,
            }
            for row in self.churn.tail(1).to_dict("records")
        ]
        if self.by == "segment":
            made += [
                {
                    "name": f"retention_{re.sub(r'[^0-9a-z]+', '_', row['label'].lower()).strip('_')}",
                    "result": {
                        **row,
                        "headline": f"{row['estimate']:.0f}% of {_quoted(row['label'])} are still there {self._when}.",
                    },
                    "level": "segment",
                    "target": row["label"],
                    "unit": "%",
                    "better": "higher",
                    "definition": f"share still there {self._when}",
                    "comparable": "cumulative",
                    "label": f"Still there: {row['label']}",
                }
                for row in self.groups.to_dict("records")
            ]
        for row in self.pay.to_dict("records"):
            made.append(
                {
                    "name": f"days_to_pay_{row['label']}",
                    "result": {
                        **row,
                        "headline": f"{capital_text(row['label'])} pay after {row['estimate']:.0f} days (median).",
                    },
                    "level": "all",
                    "unit": "days",
                    "better": "lower",
                    "definition": "median days from issue to payment",
                    "comparable": "cumulative",
                    "label": f"Days to pay: {row['label']}",
                }
            )
        return made


def _quoted(label: str) -> str:
    return "all customers" if label == "all customers" else f"“{label}”"


def retention(
    customers: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    membership: pd.DataFrame | None = None,
    responses: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    transactions: pd.DataFrame | None = None,
    currency: str = "",
    conf_level: float = 0.95,
) -> Retention:
    """Survival, churn, days to pay and share of wallet of a company's customers, as known at `as_of`.

    `customers`: customer_id, start_date, end_date (missing: still there). `membership` is the product of 01, whose segments the
    curves are drawn for; without it they are drawn for the first column of customers with two to four values. Loyalty is the
    answer before what is counted. Raises `NotApplicableError` where customers have no dates.
    """
    if "start_date" not in customers or customers["start_date"].notna().sum() == 0:
        raise NotApplicableError("needs customers with a start_date (and end_date of those who left)")
    known = customers.dropna(subset=["start_date"])
    known = known[known["start_date"] <= as_of]
    ended = (
        known["end_date"] if "end_date" in known else pd.Series(pd.NaT, index=known.index, dtype="datetime64[ns, UTC]")
    )
    left = ended.notna() & (ended <= as_of)
    seen_from = ended[left].min() if left.any() else known["start_date"].min()
    last = ended.where(left, as_of)
    by, groups, origin = _grouping(known, membership)
    months = (last - origin).dt.total_seconds() / 86_400 / DAYS_A_MONTH
    entry = (
        np.zeros(len(known))
        if by == "segment"
        else ((seen_from - origin).dt.total_seconds() / 86_400 / DAYS_A_MONTH).to_numpy()
    )
    frame = known.assign(_months=months, _left=left, _group=groups, _entry=np.maximum(entry, 0.0))
    part_of = frame[(frame["_months"] > 0) & (frame["_entry"] < frame["_months"])].dropna(subset=["_group"])
    curves, rows = [], []
    names = [str(name) for name in part_of["_group"].value_counts().index[:6]]
    seen = part_of.groupby("_group")["_months"].max().reindex(names)
    horizon = min(12.0, float(seen.min())) if len(seen) else 12.0  # no group is counted on beyond what was seen of it
    for name in names:
        own = part_of[part_of["_group"] == name]
        curve = kaplan_meier(own["_months"], own["_left"], entry=own["_entry"], conf_level=conf_level)
        about = {"label": name, "n": len(own), "left": int(own["_left"].sum()), "unit": "%", "reason": ""}
        about |= {"conf_level": conf_level, "std_error": math.nan, "months": horizon}
        rows.append(about | {key: 100 * value for key, value in curve.survival_at(horizon).items()})
        thin = curve.table[curve.table["time"] <= _MONTHS_SHOWN].assign(group=name)
        for column in ("estimate", "std_error", "conf_low", "conf_high"):
            thin[column] = 100 * thin[column]
        curves.append(thin.groupby((thin["time"] * 4).astype(int)).last())
    p_value = math.nan
    if len(names) > 1:
        p_value = log_rank(part_of["_months"], part_of["_left"], part_of["_group"], entry=part_of["_entry"])
    answers = _loyalty(responses, items)
    return Retention(
        by=by,
        curves=pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(),
        groups=pd.DataFrame(rows),
        churn=_churn(known, ended, left, as_of, seen_from, conf_level),
        loyalty=_after_answers(known, ended, left, answers, as_of, conf_level),
        pay=_pay(transactions, answers, as_of, conf_level),
        wallet=_wallet(responses, items, conf_level),
        p_value=p_value,
        n=len(known),
        n_left=int(left.sum()),
        revenue=_revenue(transactions, answers, known[~left], as_of, None),
        at_risk=_revenue(transactions, answers, known[~left], as_of, "detractors"),
        currency=currency,
        conf_level=conf_level,
    )


def _grouping(known: pd.DataFrame, membership: pd.DataFrame | None) -> tuple[str, pd.Series, pd.Series]:
    """By what the curves are drawn, the group of each customer, and the moment from which time is counted.

    A segment is known only of people who were still there when they answered, so its time begins with the answer.
    """
    start = known["start_date"]
    if membership is not None and len(membership) and "placed_at" in membership:
        placed = membership.drop_duplicates("customer_id").set_index("customer_id")
        at = pd.to_datetime(known["customer_id"].map(placed["placed_at"]), utc=True)
        return "segment", known["customer_id"].map(placed["segment"]).where(at.notna()), at.fillna(start)
    for column in known:
        is_group = (
            str(column) not in ("customer_id", "account_id", "from_source")
            and 2 <= known[column].nunique() <= _MOST_GROUPS
        )
        if is_group and pd.api.types.is_string_dtype(known[column]):
            return str(column), known[column], start
    return "all", pd.Series("all customers", index=known.index), start


def _churn(
    known: pd.DataFrame,
    ended: pd.Series,
    left: pd.Series,
    as_of: pd.Timestamp,
    seen_from: pd.Timestamp,
    conf_level: float,
) -> pd.DataFrame:
    """One row a whole quarter up to `as_of`: the share of the customers at its beginning who left in it."""
    naive = pd.Timestamp(as_of).tz_convert("UTC").tz_localize(None) + pd.Timedelta(hours=12)
    quarters = pd.period_range(end=(naive - pd.Timedelta(days=1)).to_period("Q"), periods=6, freq="Q")
    rows = []
    for quarter in quarters:
        begin = quarter.start_time.tz_localize("UTC")
        after = (quarter + 1).start_time.tz_localize("UTC")
        if begin < seen_from - pd.Timedelta(days=45) or after > as_of + pd.Timedelta(days=1):
            continue
        there = (known["start_date"] < begin) & (ended.isna() | (ended >= begin))
        gone = there & left & (ended < after)
        row = share_row(gone[there].astype(float), conf_level=conf_level)
        rows.append({"label": str(quarter)[:4] + "-" + str(quarter)[4:], "left": int(gone.sum())} | row)
    columns = ["label", "left", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason"]
    return pd.DataFrame(rows, columns=columns)


_CLASSES = ("detractors", "passives", "promoters")


def _loyalty(responses: pd.DataFrame | None, items: pd.DataFrame | None) -> pd.DataFrame:
    """One row a customer: the first answer about recommendation, its class and moment."""
    empty = pd.DataFrame(columns=["customer_id", "at", "label"])
    if responses is None or items is None or "customer_id" not in responses:
        return empty
    loyal = items[(items["role"] == "loyalty") & (items["low"] == 0) & (items["high"] == 10)]["item"]
    asked = [item for item in loyal if item in responses]
    if not asked:
        return empty
    rows = responses[responses["perspective"] == "customer"].dropna(subset=[asked[0], "customer_id", "counted_at"])
    rows = rows.sort_values("counted_at", kind="stable").drop_duplicates("customer_id")
    label = np.where(rows[asked[0]] <= 6, _CLASSES[0], np.where(rows[asked[0]] <= 8, _CLASSES[1], _CLASSES[2]))
    return pd.DataFrame({"customer_id": rows["customer_id"], "at": rows["counted_at"], "label": label})


def _after_answers(
    known: pd.DataFrame,
    ended: pd.Series,
    left: pd.Series,
    answers: pd.DataFrame,
    as_of: pd.Timestamp,
    conf_level: float,
) -> pd.DataFrame:
    """One row a loyalty class: the share still there a year after the answer, or as long as all classes were seen."""
    if answers.empty:
        return pd.DataFrame()
    frame = answers.merge(known.assign(_end=ended, _left=left)[["customer_id", "_end", "_left"]], on="customer_id")
    stop = frame["_end"].where(frame["_left"], as_of)
    months = (stop - frame["at"]).dt.total_seconds() / 86_400 / DAYS_A_MONTH
    frame = frame.assign(_months=months)[months > 0]
    if frame["label"].nunique() < 2:
        return pd.DataFrame()
    p_value = log_rank(frame["_months"], frame["_left"], frame["label"])
    rows = []
    horizon = min(12.0, float(frame.groupby("label")["_months"].max().min()))
    for label in _CLASSES:
        own = frame[frame["label"] == label]
        if own.empty:
            continue
        curve = kaplan_meier(own["_months"], own["_left"], conf_level=conf_level)
        share = {key: 100 * value for key, value in curve.survival_at(horizon).items()}
        rows.append({"label": label, "n": len(own), "unit": "%", "std_error": math.nan, "conf_level": conf_level,
                     "p_value": p_value, "months": horizon, "reason": ""} | share)  # fmt: skip
    return pd.DataFrame(rows)


def _pay(
    transactions: pd.DataFrame | None, answers: pd.DataFrame, as_of: pd.Timestamp, conf_level: float
) -> pd.DataFrame:
    """Days to pay by loyalty class, of invoices issued after the answer."""
    if transactions is None or "paid_at" not in transactions or "customer_id" not in transactions or answers.empty:
        return pd.DataFrame()
    both = transactions.merge(answers, on="customer_id")
    after = both[both["timestamp"] > both["at"]]
    if len(after) < 100:
        return pd.DataFrame()
    table = days_to_pay(after, by="label", as_of=as_of, conf_level=conf_level)
    order = {label: place for place, label in enumerate(_CLASSES)}
    return table.sort_values("label", key=lambda column: column.map(order), ignore_index=True)


def _wallet(responses: pd.DataFrame | None, items: pd.DataFrame | None, conf_level: float) -> pd.DataFrame:
    if responses is None or items is None or "brands_used" not in responses:
        return pd.DataFrame()
    ranks = [item for item in items.loc[items["role"] == "wallet_rank", "item"] if item in responses]
    if not ranks:
        return pd.DataFrame()
    rank = pd.to_numeric(responses[ranks[0]], errors="coerce")
    brands = pd.to_numeric(responses["brands_used"], errors="coerce")
    rows = responses[rank.notna() & brands.notna() & (rank <= brands)]
    rows = rows[rows["wave"] == rows.groupby("wave")["counted_at"].max().idxmax()] if len(rows) else rows
    loyal = [item for item in items.loc[(items["role"] == "loyalty") & (items["high"] == 10), "item"] if item in rows]
    if rows.empty or not loyal:
        return pd.DataFrame()
    share = 100 * wallet_share(rank[rows.index], brands[rows.index])
    score = rows[loyal[0]]
    made = []
    for label, inside in zip(_CLASSES, (score <= 6, score.between(7, 8), score >= 9), strict=True):
        own = share[inside.to_numpy()]
        made.append({"label": label} | mean_row(own, unit="%", conf_level=conf_level))
    return pd.DataFrame(made)


def _revenue(
    transactions: pd.DataFrame | None,
    answers: pd.DataFrame,
    there: pd.DataFrame,
    as_of: pd.Timestamp,
    label: str | None,
) -> float:
    """What the customers of a loyalty class who are still there were invoiced in the last quarter."""
    if transactions is None or answers.empty or "customer_id" not in transactions:
        return math.nan
    recent = transactions[
        (transactions["timestamp"] <= as_of) & (transactions["timestamp"] > as_of - pd.Timedelta(days=93))
    ]
    mine = answers if label is None else answers[answers["label"] == label]
    ids = set(mine["customer_id"]) & set(there["customer_id"])
    return float(recent.loc[recent["customer_id"].isin(ids), "amount"].sum())
