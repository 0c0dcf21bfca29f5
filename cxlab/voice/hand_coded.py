"""How well does what the rules read agree with what people read, where comments of this study were coded by hand?

People code in `decisions/coding*.csv` (one file, or one a coder): each report lays a sheet with comments to code into its restricted
lists (`voice_coding_sheet`), to be saved there. One row of `coders` is one measure of how far two coders agree (share, kappa, alpha),
of `codebook` one measure of how well the codebook finds what they agree on (coverage, and for each theme precision, recall, F1,
kappa). Without a sheet both are empty, and the page says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cxlab.voice.coders import SENTIMENT, agreement_of_coders, codebook_agreement
from cxlab.voice.coding import coding_sheet, read_coding
from cxlab.voice.comments import Comments
from cxlab.voice.themes import Codebook
from cxlab.wording import inside_text

Shown = tuple[dict[str, Any], pd.DataFrame]
PATTERN = "coding*.csv"
TO_CODE = 200  # comments of a new sheet


@dataclass(frozen=True)
class HandCoded:
    """What people coded and how it compares; `sheet` holds comments that nobody coded yet, for people to code."""

    n: int
    coders: pd.DataFrame
    codebook: pd.DataFrame
    sheet: pd.DataFrame
    min_base: int

    def coders_shown(self) -> Iterator[Shown]:
        """How far two coders agree."""
        if self.coders.empty:
            return
        kappa = self.coders[(self.coders["measure"] == "kappa") & (self.coders["n"] >= self.min_base)]
        known = kappa[kappa["estimate"].notna()]
        if len(known):
            felt = known[known["about"] == SENTIMENT].to_dict("records")
            lead = felt[0] if felt else known.to_dict("records")[0]
            yield {
                "name": "coders",
                "title": f"Two people who coded {int(lead['n']):,} comments agree on {inside_text(lead['label'])} with a kappa of "
                f"{lead['estimate']:.2f}.",
                "subtitle": f"Agreement of the coders beyond chance (Cohen's kappa), {100 * lead['conf_level']:g}% interval",
                "note": {"Read": "No method can be held to more than people agree among themselves"},
                "folded": True,
            }, known.reset_index(drop=True)  # fmt: skip

    def codebook_shown(self) -> Iterator[Shown]:
        """How well the codebook finds what people coded, theme by theme."""
        rows = self.codebook
        wide = pd.DataFrame()
        if len(rows):
            own = rows[rows["measure"].isin(["precision", "recall", "kappa"])]
            wide = own.pivot_table(
                index=["about", "label"], columns="measure", values="estimate", aggfunc="first", sort=False
            )
            wide = wide.reindex(columns=["precision", "recall", "kappa"]).reset_index()
            sizes = own.drop_duplicates("about").set_index("about")
            wide = wide.assign(n=wide["about"].map(sizes["n"]), n_coded=wide["about"].map(sizes["n_coded"]), unit="")
            wide = wide[wide["kappa"].notna() & (wide["n"] >= self.min_base)]
        if len(wide):
            middle = wide["kappa"].median()
            weak = wide.sort_values("kappa", kind="stable").to_dict("records")[0]
            yield {
                "name": "codebook_check",
                "title": f"The codebook finds the themes that people coded with a kappa of {middle:.2f} for half of them or more; worst "
                f"{inside_text(weak['label'])} ({weak['kappa']:.2f}).",
                "subtitle": "Of comments with a theme by the codebook how many have it by coders (precision), and the reverse (recall)",
                "note": {
                    "Base": f"{self.n:,} comments coded by hand; where two coders differ a comment is left out of the theme",
                    "Read": "Figures of all comments: rare themes were drawn more often and are weighed back",
                },
                "folded": True,
            }, wide.reset_index(drop=True)  # fmt: skip

    def sentences(self) -> list[str]:
        if self.n:
            return []
        return [
            "Nobody coded themes by hand, so the codebook is not checked; a sheet to code is in the restricted lists."
        ]


def coding_of(decisions: Path | None, codebook: Codebook) -> pd.DataFrame | None:
    """What people coded in the sheets of a study's decisions; None where there is none. Raises `StudyError` for every mistake in them."""
    files = sorted(decisions.glob(PATTERN)) if decisions is not None and decisions.is_dir() else []
    return read_coding(files, codebook) if files else None


def coded_sentiment(coding: pd.DataFrame | None) -> pd.Series | None:
    """What people read in each comment (text_id → label): of two coders who differ, nothing."""
    if coding is None:
        return None
    first, second = coding["sentiment_a"], coding["sentiment_b"]
    label = first.where(first.notna(), second)
    differ = first.notna() & second.notna() & (first != second)
    told = label.where(~differ)
    return told.set_axis(coding["text_id"]).dropna()


def hand_coded(read: Comments, coding: pd.DataFrame | None) -> HandCoded:
    """What people coded beside what the rules found, and comments of the period that nobody coded yet."""
    own = read.rows[read.inside].set_index("comment_id")["text"]
    known = set() if coding is None else set(coding["text_id"])
    left = own[~own.index.astype(str).isin(known)]
    sheet = (
        coding_sheet(left, read.codebook, n=TO_CODE, random_state=read.random_state) if len(left) else pd.DataFrame()
    )
    options: dict[str, Any] = {"conf_level": read.conf_level, "random_state": read.random_state}
    empty = pd.DataFrame()
    return HandCoded(
        n=0 if coding is None else len(coding),
        coders=empty if coding is None else agreement_of_coders(coding, read.codebook, **options),
        codebook=empty if coding is None else codebook_agreement(coding, read.codebook, **options),
        sheet=sheet,
        min_base=read.min_base,
    )
