"""How well does the codebook of air travel find what people complain of, and how fast?

    python benchmarks/voice_themes.py                 airline tweets: coverage, agreement with people, speed
    python benchmarks/voice_themes.py --data FOLDER   where airline_tweets.parquet lies

**Agreement.** 6,504 different tweets of airline_tweets.parquet (CC BY-NC-SA, evaluation only) for which coders agreed on a reason
(confidence ≥ .6, not "Can't Tell"). Half of all tweets (drawn with a fixed seed) could be read while the codebook was written; the other
half was not looked at. A tweet has one reason and may have several themes: `REASON` says which reason a theme speaks of, `ORDER`
which counts where there are several (chosen on the half that was read), and a tweet without any is counted as wrong. Kappa per
reason is between "has a theme of this reason" and "is coded with it", so that a tweet with two subjects costs precision. The file has
"cancel", "late" and "booking" written over by the names of reasons ("Cancelled Flightled"); they are put back first.

**Speed.** Comments per CPU second, in one process: `Codebook.assign` on comments whose words are all new to it and again, one
regular expression a theme in a loop, and vaderSentiment alone.

Measured on 2026-12-01. Half that was read: coverage .894, accuracy .664, ARI .436, kappa .585 (3,321 tweets). Other half: coverage .886,
accuracy .645, ARI .408, kappa .563 (3,183), by reason: cancelled .75, damaged luggage .54, lost luggage .70, late .59, customer
service .54, attendants .41, bad flight .45, lines .36, booking .33. Ten groups of words without a codebook: ARI .138. Speed on two cores
that others kept busy: airline 25,000 comments a CPU second at first and 58,000 once the words are known, a loop of regular expressions
360 (ratio 158), vaderSentiment 16,000 (ratio 3.6). One regular expression a theme of the twelve flat themes before: 11,500.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from cxlab.inference import wilson
from cxlab.voice import Codebook, suggest_themes
from cxlab.voice.proposals import _forms, _groups, _tfidf, _words
from cxlab.voice.terms import pattern_of

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "voice"
OVERWRITTEN = (("cancelled flight", "cancel"), ("late flight", "late"), ("flight booking problems", "booking"))
REASON = {
    "cancelled_flight": "Cancelled Flight",
    "baggage_damaged": "Damaged Luggage",
    "baggage": "Lost Luggage",
    "baggage_lost": "Lost Luggage",
    "queues": "longlines",
    **dict.fromkeys(["delay", "late_flight", "waiting_aboard", "technical_fault", "weather", "on_time"], "Late Flight"),
    **dict.fromkeys(["service", "phone", "no_answer", "information", "refunds"], "Customer Service Issue"),
    **dict.fromkeys(["crew", "cabin_crew", "ground_staff", "attitude"], "Flight Attendant Complaints"),
    **dict.fromkeys(["cabin", "seat", "seat_choice", "temperature", "cleanliness", "toilets", "power"], "Bad Flight"),
    **dict.fromkeys(["food", "meals", "drinks", "entertainment", "films", "wifi", "carry_on", "safety"], "Bad Flight"),
    **dict.fromkeys(["booking", "website", "changes", "fares", "fees", "price", "loyalty"], "Flight Booking Problems"),
}
ORDER = (
    "Cancelled Flight", "Damaged Luggage", "Lost Luggage", "Late Flight", "Customer Service Issue", "Flight Attendant Complaints",
    "Bad Flight", "longlines", "Flight Booking Problems",
)  # fmt: skip


def tweets(folder: Path) -> pd.DataFrame:
    """Different tweets; `read` is whether one could be read while the codebook was written."""
    table = pd.read_parquet(folder / "airline_tweets.parquet").drop_duplicates("text").reset_index(drop=True)
    table["read"] = np.random.default_rng(7).permutation(len(table)) < len(table) // 2
    for name, word in OVERWRITTEN:
        table["text"] = [re.sub(name, word, text, flags=re.IGNORECASE) for text in table["text"]]
    return table


def agreement(name: str, rows: pd.DataFrame, book: Codebook) -> None:
    sure = (rows["negativereason_confidence"] >= 0.6) & rows["negativereason"].notna()
    coded = rows[sure & (rows["negativereason"] != "Can't Tell")]
    mentions = book.assign(coded["text"])
    has = pd.crosstab(mentions["text_id"], mentions["theme"].map(REASON)).reindex(
        index=coded.index, columns=ORDER, fill_value=0
    ) > 0  # fmt: skip
    said = pd.Series("none", index=coded.index)
    for reason in reversed(ORDER):
        said[has[reason]] = reason
    true, covered = coded["negativereason"], mentions["text_id"].nunique() / len(coded)
    low, high = wilson(covered, len(coded))
    alike = float((said == true).mean())
    around = wilson(alike, len(coded))
    print(
        f"{name}: {len(coded):,} coded tweets, coverage {covered:.3f} ({low:.3f} to {high:.3f}), accuracy {alike:.3f} "
        f"({around[0]:.3f} to {around[1]:.3f}), ARI {adjusted_rand_score(true, said):.3f}, kappa {cohen_kappa_score(true, said):.3f}"
    )
    for reason in ORDER:
        own, found = true == reason, has[reason]
        both = int((own & found).sum())
        print(
            f"    {reason:28} n {own.sum():5,}  kappa {cohen_kappa_score(own, found):.2f}  precision {both / max(found.sum(), 1):.2f}  "
            f"recall {both / own.sum():.2f}"
        )
    everything = book.assign(rows["text"])["text_id"].nunique() / len(rows)
    print(f"    of all {len(rows):,} tweets of this half, praise and questions too, {everything:.3f} are covered")


def groups_alone(table: pd.DataFrame) -> None:
    """What the groups that proposals are made of would be worth without a codebook."""
    sure = (table["negativereason_confidence"] >= 0.6) & table["negativereason"].notna()
    coded = table[sure & (table["negativereason"] != "Can't Tell")]
    nothing = Codebook.from_text('[themes.none]\nany = ["zzzzzz"]')
    said = [_words(text, nothing.language) for text in coded["text"]]
    form_of = _forms(Counter(word for words in said for word in words), nothing.language)
    loads, _ = _groups(_tfidf([[form_of[word] for word in words] for words in said], 1.0)[0], 10, 0)
    agree = adjusted_rand_score(coded["negativereason"], loads.argmax(axis=1))
    print(f"ten groups of words alone, without a codebook: {len(coded):,} coded tweets, ARI {agree:.3f}")


def plainly(book: Codebook, texts: Sequence[str]) -> int:
    """A loop over themes with one regular expression each, as one would write it; the number of mentions."""
    themes = []
    for theme in book.themes:
        lists = [theme.any, theme.none, *theme.all]
        themes.append(
            [re.compile("|".join(sorted((pattern_of(term).pattern for term in terms), key=len, reverse=True)), re.IGNORECASE)
             if terms else None for terms in lists]
        )  # fmt: skip
    n = 0
    for text in texts:
        for any_, none, *groups in themes:
            spans = {match.span() for match in any_.finditer(text)} if any_ else set()
            if groups and all(group and group.search(text) for group in groups):
                for sentence in re.finditer(r"[^.!?\n]+[.!?]*", text):
                    if all(group.search(sentence.group()) for group in groups if group):
                        at = sentence.start()
                        first = groups[0].finditer(sentence.group()) if groups[0] else ()
                        spans |= {(at + match.start(), at + match.end()) for match in first}
            if spans and none:
                out = [match.span() for match in none.finditer(text)]
                spans = {span for span in spans if not any(span[0] < end and start < span[1] for start, end in out)}
            n += len(spans)
    return n


def per_second(work: Callable[[], object], n: int) -> tuple[float, object]:
    start = time.process_time()
    made = work()
    return n / (time.process_time() - start), made


def speed(texts: list[str]) -> None:
    vader = SentimentIntensityAnalyzer()
    for name in ("airline", "subscription"):
        book = Codebook.named(name)
        first, found = per_second(lambda book=book: book.assign(texts), len(texts))
        again, _ = per_second(lambda book=book: book.assign(texts), len(texts))
        plain, mentions = per_second(lambda book=book: plainly(book, texts), len(texts))
        alone, _ = per_second(lambda: [vader.polarity_scores(text) for text in texts], len(texts))
        print(
            f"{name}, {len(book.themes)} themes: {first:,.0f} comments a CPU second, {again:,.0f} once the words are known "
            f"({len(found):,} mentions); a loop of regular expressions {plain:,.0f} ({mentions:,} before overlaps are settled), "
            f"ratio {again / plain:.1f}; vaderSentiment {alone:,.0f}, ratio {again / alone:.1f}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args(arguments)
    table, book = tweets(given.data), Codebook.named("airline")
    for name, half in (("the half that was read", True), ("the other half", False)):
        agreement(name, table[table["read"] == half], book)
    groups_alone(table)
    start = time.process_time()
    proposed = suggest_themes(table["text"], book)
    print(f"what the codebook misses, proposed in {time.process_time() - start:.1f} CPU s:")
    for row in proposed.to_dict("records"):
        print(f"    {row['n']:5,} ({row['share']:.1%})  {', '.join(row['terms'])}")
    speed(table["text"].tolist())


if __name__ == "__main__":
    main()
