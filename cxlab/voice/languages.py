"""In which language is a comment? Known without a download, so that what cannot be scored is counted and never scored wrongly."""

from __future__ import annotations

import pandas as pd

_LONG_ENOUGH = 20  # characters, below which a language is not guessed


def languages(texts: pd.Series) -> pd.Series:
    """The language of each text (ISO 639-1); "" where it is too short to tell. Known without a download (py3langid)."""
    import py3langid

    def one(text: str) -> str:
        return str(py3langid.classify(text)[0]) if len(text) >= _LONG_ENOUGH else ""

    known = {text: one(text) for text in texts.dropna().unique()}
    return texts.map(known).fillna("")
