"""How often do alerts of themes cry wolf, and how soon do they see a theme that doubles?

    python benchmarks/voice_alerts.py steady                     codebooks in which nothing changes, looked at month after month
    python benchmarks/voice_alerts.py doubling                   a theme that doubles from 3% beside steady ones
    python benchmarks/voice_alerts.py words                      new words where there are none, and one that is new

A codebook has 20 themes of 1 to 20% with people of a Poisson number a month. Shares vary between months beyond chance: relative
standard deviation 0, 20 or 40% (beta distributed). "carried" lets half of a month's deviation go on into the next, which the method does
not expect. Beside ours stands what people do without one: a test of two shares, the newest month against all before, q over themes.
Everything calls `cxlab.voice.trends`, which reports use.

Measured on 1 December 2026 (defaults, seed 1; 400 steady series in 20 codebooks, 24 monthly looks each, 480 looks a row; the level of a
look is 4.2%, that is half a false alarm a year; "run" counts codebooks without an alarm as 24):

    people  between          p<0.05   looks with an alarm   alarms a year   run    looks that the plain test spoils
       150  20%                4.9%     2.3% (≤ 4.1%)            0.28       19.9      32%
       600  0                  4.0%     0.2% (≤ 1.2%)            0.03       24.0       4%
       600  20%                5.6%     2.1% (≤ 3.8%)            0.25       19.6      78%
       600  40%                5.2%     1.5% (≤ 3.0%)            0.18       19.9     100%
     5,000  20%                5.0%     3.1% (≤ 5.1%)            0.38       19.0     100%
       600  20%, carried      11.8%    16.2% (≤ 19.8%)           1.95       10.2      70%

The last row is what the method does not promise: months that depend on each other. A theme of 3% that doubles (100 samples a row):

    people  between   called at look 1, 2, 3      start found   held by earliest to latest   starts   change held
       200  0          4%    8%   26%                90%             100%                     2.7        74%
       200  20%        1%    7%   13%                81%             100%                     2.6        57%
       600  0         22%   71%   96%                88%              98%                     1.9        97%
       600  20%        9%   38%   56%                71%              94%                     2.4        80%
     2,000  0         93%  100%  100%                99%              100%                    1.1        96%
     2,000  20%       28%   56%   79%                88%              98%                     1.9        84%

So a doubling within a month is seen at once where 2,000 people write a month and months are alike, and after two or three months where
600 do. What is barely found is found because luck made it larger, hence the intervals of rows with little power.
New words (20 samples a row): none was called where there was none; the planted one in 90% (1,000 comments a year) and 100% (4,000).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from cxlab.inference import benjamini_hochberg, wilson
from cxlab.period import Period
from cxlab.voice.trends import first_appearances, theme_alerts

Counts = npt.NDArray[np.int64]
THEMES = 20


def labels(n: int, first: date = date(2020, 1, 1)) -> list[str]:
    period, found = Period.containing(first, "month"), []
    for _ in range(n):
        found.append(period.label)
        period = period.next()
    return found


def drawn(
    rng: np.random.Generator, levels: npt.NDArray[np.float64], people: Counts, spread: float, carried: bool = False
) -> Counts:
    """Periods × themes: people who mention each, around `levels` (periods × themes)."""
    if carried:
        noise = np.zeros(levels.shape)
        for t in range(len(levels)):
            noise[t] = (0.5 * noise[t - 1] if t else 0) + rng.standard_normal(levels.shape[1])
        shares = special.expit(special.logit(levels) + spread * noise / np.sqrt(1 / 0.75))
    elif spread:
        size = (1 - levels) / (levels * spread**2) - 1
        shares = rng.beta(levels * size, (1 - levels) * size)
    else:
        shares = levels
    return rng.binomial(people[:, None], shares)


def trends_of(counts: Counts, people: Counts) -> pd.DataFrame:
    """The columns of `theme_trends` that alerts read."""
    names = labels(len(people))
    return pd.DataFrame(
        {
            "theme": np.repeat([f"t{j}" for j in range(counts.shape[1])], len(people)),
            "measure": "mentions", "period": names * counts.shape[1], "people": np.tile(people, counts.shape[1]),
            "people_with": counts.T.ravel(),
        }
    )  # fmt: skip


def plain(counts: Counts, people: Counts) -> bool:
    """Whether the test of two shares calls any theme."""
    now, before, n, rest = counts[-1], counts[:-1].sum(axis=0), people[-1], people[:-1].sum()
    pooled = (now + before) / (n + rest)
    z = (now / n - before / rest) / np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / n + 1 / rest))
    return bool((benjamini_hochberg(2 * stats.norm.sf(np.abs(z))) < 0.05).any())


def steady(codebooks: int, looks: int, seed: int) -> pd.DataFrame:
    """One row a case: how many looks raise a false alarm (by level: 5%, and what half an alarm a year allows), the mean run of looks
    until the first (those that never were count as all looks), and how many looks the plain test spoils."""
    rows = []
    for people_mean, spread, carried in (
        (150, 0.2, False), (600, 0.0, False), (600, 0.2, False), (600, 0.4, False), (5_000, 0.2, False),
        (600, 0.2, True),
    ):  # fmt: skip
        rng = np.random.default_rng(seed)
        alarms, at_five, spoiled, single, runs = 0, 0, 0, 0, []
        for codebook in range(codebooks):
            start = 13
            people = rng.poisson(people_mean, start + looks - 1)
            levels = np.tile(np.exp(rng.uniform(np.log(0.01), np.log(0.2), THEMES)), (len(people), 1))
            counts = drawn(rng, levels, people, spread, carried)
            run = 0
            for look in range(looks):
                end = start + look
                found = theme_alerts(trends_of(counts[:end], people[:end]), n_sim=1000, random_state=codebook)
                alarm = bool(found["alert"].any())
                alarms += alarm
                single += int((found["p_value"] < 0.05).sum())
                at_five += bool((found["q_value"] < 0.05).any())
                spoiled += plain(counts[:end], people[:end])
                run = look + 1 if alarm and not run else run
            runs.append(run or looks)
        n = codebooks * looks
        rows.append(
            {
                "people": people_mean, "between": spread, "carried": carried, "series": codebooks * THEMES, "looks": n,
                "p<0.05": single / (n * THEMES), "q<0.05": at_five / n, "alarms": alarms / n, "high": wilson(alarms / n, n)[1],
                "alarms_a_year": 12 * alarms / n, "run": np.mean(runs), "plain": spoiled / n,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def doubling(replications: int, seed: int) -> pd.DataFrame:
    """One row a case: how often a theme that doubles from 3% in month 25 is called at the first, second and third look, and when it is
    called, how often the start is found, held by earliest to latest, and the change held by its interval."""
    rows = []
    for people_mean in (200, 600, 2_000):
        for spread in (0.0, 0.2):
            rng = np.random.default_rng(seed)
            called = np.zeros(3)
            exact = held = width = interval = 0
            for replication in range(replications):
                people = rng.poisson(people_mean, 27)
                levels = np.tile(np.exp(rng.uniform(np.log(0.01), np.log(0.2), THEMES)), (27, 1))
                levels[:, 0] = np.where(np.arange(27) >= 24, 0.06, 0.03)
                counts = drawn(rng, levels, people, spread)
                names = labels(27)
                for look in range(3):
                    trends = trends_of(counts[: 25 + look], people[: 25 + look])
                    row = theme_alerts(trends, n_sim=1000, random_state=replication).to_dict("records")[0]
                    called[look] += row["alert"]
                    if row["alert"]:
                        exact += row["since"] == names[24]
                        held += row["earliest"] <= names[24] <= row["latest"]
                        width += names.index(row["latest"]) - names.index(row["earliest"]) + 1
                        interval += row["conf_low"] <= 3 <= row["conf_high"]
            n = max(called.sum(), 1)
            rows.append(
                {
                    "people": people_mean, "between": spread, **{f"look_{i + 1}": called[i] / replications for i in range(3)},
                    "start_found": exact / n, "start_held": held / n, "starts": width / n, "change_held": interval / n,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def words(replications: int, seed: int) -> pd.DataFrame:
    """One row a case: how often words are listed as new. Comments of twenty words drawn by Zipf's law from 20,000, over a year; where
    planted, a tenth of the comments of the newest month say one word more that nobody said before."""
    chance = 1 / np.arange(1, 20_001)
    chance /= chance.sum()
    vocabulary = np.array(
        [
            f"word{chr(97 + i // 676 % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}{'x' * (i // 17576)}"
            for i in range(20_000)
        ]
    )
    rows = []
    for n in (1_000, 4_000):
        for planted in (False, True):
            rng = np.random.default_rng(seed)
            any_false = found_new = 0
            for _ in range(replications):
                drawn_words = vocabulary[rng.choice(20_000, (n, 20), p=chance)]
                days = pd.to_datetime("2025-01-01") + pd.to_timedelta(rng.integers(0, 365, n), unit="D")
                recent = np.asarray(days >= pd.Timestamp("2025-12-01"))
                if planted:
                    drawn_words[recent & (rng.random(n) < 0.1), 0] = "esim"
                comments = pd.DataFrame({"text": [" ".join(row) for row in drawn_words], "counted_at": days})
                found = first_appearances(comments, since="2025-12")
                ours = found["name"].str.contains("esim") | found["terms"].map(lambda terms: "esim" in terms)
                any_false += bool((~ours).any())
                found_new += bool(ours.any())
            rows.append(
                {
                    "comments": n,
                    "planted": planted,
                    "any_false": any_false / replications,
                    "found": found_new / replications,
                }
            )
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("study", choices=["steady", "doubling", "words"])
    parser.add_argument("--replications", type=int, help="codebooks of 20 series (20), or samples (200; for words 50)")
    parser.add_argument("--looks", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    if chosen.study == "steady":
        table = steady(chosen.replications or 20, chosen.looks, chosen.seed)
    elif chosen.study == "doubling":
        table = doubling(chosen.replications or 200, chosen.seed)
    else:
        table = words(chosen.replications or 50, chosen.seed)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
