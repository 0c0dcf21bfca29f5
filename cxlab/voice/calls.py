"""Which customers should somebody call, and how do the accounts feel that matter most?

`customers_to_call` gives one row a customer, however many comments: who complained and asked for an answer, and who wrote very
negatively and belongs to a key account or renews soon. `key_accounts` gives one row an account. Both name persons or accounts: keep them
with `products.restrict`, never in a page, a table or a finding. What a page may say are `headline()` and `page()`, which name nobody.

A feeling is read from words and is sometimes wrong; the list says which comment to read before calling. That somebody is not on it does
not mean that they are happy: most unhappy customers write nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxlab.inference.intervals import check_conf_level, critical_value

ASKING = ("response needed",)
"""Values of cues that say that somebody wants an answer."""
VERY_NEGATIVE = -0.6
_YES = {"yes", "y", "true", "1", "1.0", "key", "x"}
CALLS = [
    "priority", "customer_id", "account_id", "key_account", "renewal_date", "owner", "reasons", "themes", "n_comments", "worst_score",
    "worst_comment", "last_comment",
]  # fmt: skip
ACCOUNTS = [
    "account_id", "key_account", "renewal_date", "owner", "n", "n_comments", "estimate", "std_error", "conf_low", "conf_high",
    "conf_level", "pooled", "pooled_low", "pooled_high", "worst_theme", "worst_theme_n", "unit", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class CallList:
    """Customers to call. `frame` names persons and belongs into the restricted/ lists of a report only.

    One row a customer (or, with per="account", an account), the most urgent first: priority (1: asked for an answer, and a key account
    or a renewal is at stake; 2: very negative there; 3: asked for an answer elsewhere), customer_id, account_id, key_account,
    renewal_date, owner, reasons (words), themes (those of their negative comments, the most frequent first), n_comments, worst_score
    (−1 to 1), worst_comment (the one to read first), last_comment (day).

    `n_unknown` comments called for it and name no customer, `n_left` customers did and are gone.
    """

    frame: pd.DataFrame
    n_unknown: int
    n_left: int

    @property
    def n(self) -> int:
        return len(self.frame)

    def to_frame(self) -> pd.DataFrame:
        """The list of persons: for restricted/ only."""
        return self.frame.copy()

    def headline(self) -> str:
        """How many are to be called, and why; it names nobody."""
        beside = ""
        if self.n_unknown:
            one = self.n_unknown == 1
            beside = f"; {self.n_unknown:,} more {'comment names' if one else 'comments name'} no customer"
        if self.n == 0:
            return f"No customer is to be called{beside}."
        at_stake = int((self.frame["priority"] < 3).sum())
        unit = "customer is" if self.n == 1 else "customers are"
        return f"{self.n:,} {unit} to be called, {at_stake:,} of them in key accounts or before a renewal{beside}."


def customers_to_call(
    comments: pd.DataFrame,
    scores: pd.DataFrame,
    mentions: pd.DataFrame,
    cues: pd.DataFrame | None = None,
    *,
    customers: pd.DataFrame | None = None,
    accounts: pd.DataFrame | None = None,
    per: Literal["customer", "account"] = "customer",
    labels: Mapping[str, str] | None = None,
    asking: Collection[str] = ASKING,
    very_negative: float = VERY_NEGATIVE,
    renewal_days: int = 90,
    today: pd.Timestamp | None = None,
) -> CallList:
    """Who complained and asked for an answer, and who wrote very negatively and is in a key account or renews within `renewal_days`.

    `comments` (indexed by text_id: customer_id, counted_at, and where known comment_id, account_id, in_period: only those of the period
    count), `scores` (indexed likewise: score from −1 to 1, label), `mentions` (text_id, theme), `cues` (text_id and cue, or value: one of
    `asking` where somebody wants an answer). `customers` gives accounts and who is gone (end_date), `accounts` key, renewal_date and
    owner. A complaint is a comment whose label is negative. `labels` are the words for themes, `today` the day from which renewals count
    (default: the newest comment's). Raises ValueError for missing columns and an unknown `per`.
    """
    if per not in ("customer", "account"):
        raise ValueError(f"`per` must be customer or account, got {per!r}")
    rows = _read(comments, scores, customers, accounts)
    if "in_period" in comments:
        rows = rows[comments["in_period"].to_numpy(dtype=bool)]
    day = today if today is not None else rows["counted_at"].max()
    told = set() if cues is None else _asked(cues, asking)
    rows["asked"] = rows["bad"] & rows.index.isin(list(told))
    rows["fierce"] = rows["score"] <= very_negative
    left = (
        (_same_clock(rows["renewal_date"], day) - day).dt.days if pd.notna(day) else pd.Series(np.nan, index=rows.index)
    )
    rows["renews"] = (left >= 0) & (left <= renewal_days)
    rows["stake"] = rows["key_account"] | rows["renews"]
    rows["called"] = rows["asked"] | (rows["fierce"] & rows["stake"])
    known = rows["customer_id"].notna()
    n_unknown = int((rows["called"] & ~known).sum())
    wanted = rows[known & rows["customer_id"].isin(rows.loc[rows["called"] & known, "customer_id"])]
    gone = set(wanted.loc[wanted["gone"], "customer_id"])
    wanted = wanted[~wanted["customer_id"].isin(list(gone))]
    names = _themes(wanted[wanted["bad"]], mentions, labels)
    unit = wanted["customer_id"].astype(object)
    if per == "account":
        unit = wanted["account_id"].astype(object).where(wanted["account_id"].notna(), unit)
    made = [_call(part, names) for _, part in wanted.groupby(unit, sort=True)]
    frame = pd.DataFrame(made, columns=[*CALLS, "renews_in", "fierceness"])
    order = ["priority", "renews_in", "fierceness", "last_comment", "customer_id"]
    frame = frame.sort_values(order, ascending=[True, True, True, False, True], kind="stable", ignore_index=True)
    return CallList(frame[CALLS], n_unknown, len(gone))


@dataclass(frozen=True)
class KeyAccounts:
    """How accounts feel. `frame` names accounts and belongs into the restricted/ lists of a report only.

    One row an account, the unhappiest first: n (people who wrote), n_comments, estimate (net sentiment: positive less negative comments
    of a person, in percent, averaged over people) with interval, pooled (the same drawn towards the average of all accounts, the more
    the fewer people there are) with its interval, worst_theme (mentioned negatively by most people, worst_theme_n), key_account,
    renewal_date, owner, reason. `between` is the standard deviation of accounts beyond what few people explain.
    """

    frame: pd.DataFrame
    average: float
    between: float
    min_base: int

    def to_frame(self) -> pd.DataFrame:
        """The list of accounts: for restricted/ only."""
        return self.frame.copy()

    def page(self) -> pd.DataFrame:
        """What a page may show: one row a kind of account: label, accounts, n (people in them), n_accounts clearly below zero (by the
        pooled interval) and reason. Where fewer than `min_base` people stand behind a row its counts are NaN."""
        rows = []
        for label, part in (
            ("Key accounts", self.frame[self.frame["key_account"]]),
            ("Other accounts", self.frame[~self.frame["key_account"]]),
        ):
            unhappy = part[part["pooled_high"] < 0]
            people = int(part["n"].sum())
            few = people < self.min_base
            unsaid = few or 0 < int(unhappy["n"].sum()) < self.min_base
            rows.append(
                {
                    "label": label,
                    "accounts": math.nan if few else len(part),
                    "n": people,
                    "unhappy": math.nan if unsaid else len(unhappy),
                    "reason": f"n<{self.min_base}" if few or unsaid else "",
                }
            )
        table = pd.DataFrame(rows)
        table["n"] = table["n"].where(table["n"] >= self.min_base)
        return table

    def headline(self) -> str:
        """How key accounts feel, without naming one."""
        row = self.page().to_dict("records")[0]
        if math.isnan(row["accounts"]):
            return f"Too few people of key accounts wrote to say how they feel ({row['reason']})."
        count = f"{int(row['accounts']):,} key {'account' if row['accounts'] == 1 else 'accounts'} wrote ({int(row['n']):,} people)"
        if math.isnan(row["unhappy"]):
            return f"{count}; how many are clearly unhappy rests on fewer than {self.min_base} people."
        return f"{count}; {int(row['unhappy']):,} of them are clearly unhappy."


def key_accounts(
    comments: pd.DataFrame,
    scores: pd.DataFrame,
    mentions: pd.DataFrame,
    *,
    customers: pd.DataFrame | None = None,
    accounts: pd.DataFrame | None = None,
    labels: Mapping[str, str] | None = None,
    min_base: int = 30,
    conf_level: float = 0.95,
) -> KeyAccounts:
    """How each account feels, by the words of its people. Arguments as for `customers_to_call`; comments without an account are left out.

    A person counts once, with the average of their comments. Few people say little: pooled is the empirical Bayes estimate, the
    account's own mean weighed against that of all by the spread between people and between accounts (moments of a random effect;
    Morris, *JASA* 78, 1983). Of one person the own interval is not defined, the pooled one is.
    """
    check_conf_level(conf_level)
    rows = _read(comments, scores, customers, accounts)
    if "in_period" in comments:
        rows = rows[comments["in_period"].to_numpy(dtype=bool)]
    rows = rows[rows["account_id"].notna() & rows["label"].notna()]
    if rows.empty:
        return KeyAccounts(pd.DataFrame(columns=ACCOUNTS), math.nan, math.nan, min_base)
    rows["net"] = 100.0 * ((rows["label"] == "positive").astype(float) - (rows["label"] == "negative").astype(float))
    alone = pd.Series([f"alone {i}" for i in range(len(rows))], index=rows.index, dtype=object)
    rows["person"] = rows["customer_id"].astype(object).where(rows["customer_id"].notna(), alone)
    people = rows.groupby(["account_id", "person"], sort=True)["net"].mean()
    table = people.groupby(level="account_id").agg(["mean", "size", "var"])
    n, mean = table["size"].to_numpy(dtype=float), table["mean"].to_numpy(dtype=float)
    average, within, between = _random_effect(mean, n, table["var"].to_numpy(dtype=float), people.to_numpy())
    spread = within / n
    kept = between / (between + spread) if between > 0 else np.zeros(len(n))
    pooled = average + kept * (mean - average)
    mass = 1 / (between + spread) if within > 0 or between > 0 else np.ones(len(n))
    error = np.sqrt(kept * spread + (1 - kept) ** 2 / mass.sum())
    half = critical_value(conf_level) * error
    names = _themes(rows[rows["bad"]], mentions, labels)
    made = []
    for i, account in enumerate(table.index):
        part = rows[rows["account_id"] == account]
        own_error = math.sqrt(table["var"].iloc[i] / n[i]) if n[i] > 1 else math.nan
        own_half = critical_value(conf_level, n[i] - 1) * own_error if n[i] > 1 else math.nan
        worst = _worst(part, names)
        first: Any = part.iloc[0]
        made.append(
            {
                "account_id": account, "key_account": bool(first["key_account"]), "renewal_date": first["renewal_date"],
                "owner": first["owner"], "n": int(n[i]), "n_comments": len(part), "estimate": mean[i], "std_error": own_error,
                "conf_low": max(mean[i] - own_half, -100.0), "conf_high": min(mean[i] + own_half, 100.0), "conf_level": conf_level,
                "pooled": pooled[i], "pooled_low": pooled[i] - half[i], "pooled_high": pooled[i] + half[i], "worst_theme": worst[0],
                "worst_theme_n": worst[1], "unit": "points", "reason": "" if n[i] > 1 else "a single person shows no spread",
            }
        )  # fmt: skip
    frame = pd.DataFrame(made, columns=ACCOUNTS).sort_values(["pooled", "account_id"], kind="stable", ignore_index=True)
    return KeyAccounts(frame, average, math.sqrt(between), min_base)


def _read(
    comments: pd.DataFrame, scores: pd.DataFrame, customers: pd.DataFrame | None, accounts: pd.DataFrame | None
) -> pd.DataFrame:
    """One row a comment, with its feeling and what is known of its customer and account."""
    for name, frame, columns in (
        ("comments", comments, ["customer_id", "counted_at"]),
        ("scores", scores, ["score", "label"]),
        ("customers", customers, ["customer_id"]),
        ("accounts", accounts, ["account_id"]),
    ):
        for column in columns:
            if frame is not None and column not in frame:
                raise ValueError(f"`{name}` has no column `{column}`; it has {', '.join(map(str, frame.columns))}")
    rows = pd.DataFrame(
        {
            "customer_id": comments["customer_id"],
            "counted_at": pd.to_datetime(comments["counted_at"]),
            "comment_id": comments.get("comment_id", pd.Series(comments.index, index=comments.index)),
            "score": scores["score"].reindex(comments.index),
            "label": scores["label"].reindex(comments.index),
        },
        index=comments.index,
    )
    rows["bad"] = rows["label"] == "negative"
    account = (
        comments["account_id"] if "account_id" in comments else pd.Series(None, index=comments.index, dtype=object)
    )
    rows["gone"] = False
    if customers is not None:
        known = customers.drop_duplicates("customer_id").set_index("customer_id")
        if "account_id" in known:
            account = account.astype(object).where(account.notna(), rows["customer_id"].map(known["account_id"]))
        if "end_date" in known:
            rows["gone"] = rows["customer_id"].map(known["end_date"].notna()).fillna(False).astype(bool)
    rows["account_id"] = account
    about = pd.DataFrame() if accounts is None else accounts.drop_duplicates("account_id").set_index("account_id")
    for column in ("key", "renewal_date", "owner"):
        rows[column] = rows["account_id"].map(about[column]) if column in about else None
    rows["key_account"] = rows.pop("key").map(lambda value: str(value).strip().lower() in _YES).astype(bool)
    rows["renewal_date"] = pd.to_datetime(rows["renewal_date"])
    return rows


def _asked(cues: pd.DataFrame, asking: Collection[str]) -> set[Any]:
    """The texts that want an answer."""
    columns = [column for column in ("cue", "value") if column in cues]
    if "text_id" not in cues or not columns:
        raise ValueError(f"`cues` needs text_id and cue or value; it has {', '.join(map(str, cues.columns))}")
    wanted = np.column_stack([cues[column].isin(list(asking)) for column in columns]).any(axis=1)
    return set(cues["text_id"][pd.Series(wanted, index=cues.index)])


def _same_clock(moments: pd.Series, day: pd.Timestamp) -> pd.Series:
    """Moments with the time zone of a day, or without one as it has none."""
    if (moments.dt.tz is None) == (day.tz is None):
        return moments
    return moments.dt.tz_localize(day.tz) if moments.dt.tz is None else moments.dt.tz_localize(None)


def _themes(bad: pd.DataFrame, mentions: pd.DataFrame, labels: Mapping[str, str] | None) -> pd.Series:
    """The themes of each negative comment, as words, by text_id."""
    own = mentions[mentions["text_id"].isin(bad.index)].drop_duplicates(["text_id", "theme"])
    words = own["theme"].map(lambda theme: (labels or {}).get(theme, str(theme)))
    return words.groupby(own["text_id"].to_numpy()).agg(list)


def _worst(part: pd.DataFrame, names: pd.Series) -> tuple[str, int]:
    """The theme that most people of an account mention negatively, and how many do."""
    said = names.to_dict()
    pairs = {(person, word) for text, person in part["person"].items() for word in said.get(text, ())}
    counts = pd.Series([word for _, word in pairs], dtype=object).value_counts()
    if counts.empty:
        return "", 0
    return min(str(word) for word in counts.index[counts == counts.max()]), int(counts.max())


def _call(part: pd.DataFrame, names: pd.Series) -> dict[str, Any]:
    """One row of the list, from all comments of a customer or an account."""
    part = part.sort_values(["score", "counted_at"], ascending=[True, False], kind="stable")
    worst: Any = part.iloc[0]
    asked, fierce = bool(part["asked"].any()), bool(part["fierce"].any())
    stake = bool(part["stake"].any())
    reasons = ["complained and asked for an answer"] if asked else []
    reasons += ["wrote very negatively"] if fierce else []
    reasons += ["key account"] if part["key_account"].any() else []
    renewal = part.loc[part["renews"], "renewal_date"].min()
    reasons += [f"contract renews on {renewal:%Y-%m-%d}"] if pd.notna(renewal) else []
    said = names.to_dict()
    words = pd.Series([word for text in part.index for word in said.get(text, ())], dtype=object)
    counts = words.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable")
    people = sorted(map(str, part["customer_id"].unique()))
    return {
        "priority": (1 if asked else 2) if stake else 3,
        "customer_id": part["customer_id"].iloc[0] if len(people) == 1 else ", ".join(people), "account_id": worst["account_id"],
        "key_account": bool(part["key_account"].any()), "renewal_date": worst["renewal_date"], "owner": worst["owner"],
        "reasons": "; ".join(reasons), "themes": ", ".join(map(str, counts.index)), "n_comments": len(part),
        "worst_score": worst["score"], "worst_comment": worst["comment_id"], "last_comment": part["counted_at"].max(),
        "renews_in": renewal, "fierceness": worst["score"],
    }  # fmt: skip


def _random_effect(
    mean: np.ndarray, n: np.ndarray, variance: np.ndarray, people: np.ndarray
) -> tuple[float, float, float]:
    """The mean of all accounts, the variance of people within an account and of accounts beyond it, by moments."""
    several = n > 1
    degrees = float((n[several] - 1).sum())
    within = float((variance[several] * (n[several] - 1)).sum()) / degrees if degrees else float(people.var())
    if not within > 0:
        between = float(mean.var(ddof=1)) if len(mean) > 1 else 0.0
        return float(mean.mean()), 0.0, between
    w = n / within
    centre = float((w * mean).sum() / w.sum())
    room = float(w.sum() - (w**2).sum() / w.sum())
    between = max(0.0, (float((w * (mean - centre) ** 2).sum()) - (len(mean) - 1)) / room) if room > 0 else 0.0
    w = 1 / (between + within / n)
    return float((w * mean).sum() / w.sum()), within, between
