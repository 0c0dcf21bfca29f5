"""Rating scales: is an answer on its scale, and which end of the scale is good?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference.intervals import Floats

Scale = tuple[float, float]


def check_scale(scores: Any, scale: Scale, *, name: str = "scores", whole: bool = False) -> Floats:
    """The answers as floats, NaN for no answer. Raises ValueError for an answer off the scale, naming it.

    `whole` refuses answers between the steps of the scale, too. Numbers stored as text are read; any other text is off
    the scale, and so is true or false.

    >>> check_scale([1, None, 5], (1, 5))
    array([ 1., nan,  5.])
    """
    low, high = check_ends(scale)
    given = pd.Series(scores)
    if given.index.has_duplicates:
        given = given.reset_index(drop=True)
    if pd.api.types.is_bool_dtype(given.dtype):
        raise ValueError(f"`{name}` is true or false, not a rating from {low:g} to {high:g}; choose another column")
    values = given if given.dtype.kind in "fiu" else pd.to_numeric(given, errors="coerce")
    numbers: Floats = np.array(values.to_numpy(dtype=np.float64, na_value=np.nan))
    answered = ~np.isnan(numbers) if values is given else given.notna().to_numpy()
    off = answered & ~((numbers >= low) & (numbers <= high))
    if whole:
        off |= answered & (numbers != np.round(numbers))
    if off.any():
        raise ValueError(_off_the_scale(given[off], scale, name, whole))
    return numbers


def _off_the_scale(wrong: pd.Series, scale: Scale, name: str, whole: bool) -> str:
    counts = wrong.astype(object).value_counts()
    shown = [(_plain(value), int(count)) for value, count in counts.items()]
    listed = ", ".join(f"{value} ({count} times)" if count > 1 else value for value, count in shown[:5])
    more = f" and {len(shown) - 5} other values" if len(shown) > 5 else ""
    kind = "whole numbers " if whole else ""
    codes = ", ".join(value for value, _ in shown[:5])
    return (
        f"`{name}` holds answers off the scale ({kind}from {scale[0]:g} to {scale[1]:g}): {listed}{more}; "
        f"where this means no answer declare `missing = [{codes}]`, otherwise keep questions on different scales apart"
    )


def _plain(value: object) -> str:
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return f"{float(value):g}"
    return f'"{value}"'


def check_ends(scale: Scale) -> Scale:
    """The lowest and highest answer. Raises ValueError for a scale that does not rise."""
    try:
        low, high = (float(end) for end in scale)
    except (TypeError, ValueError):
        raise ValueError(f"`scale` must be the lowest and the highest answer, such as (1, 5), got {scale!r}") from None
    if not low < high:
        raise ValueError(f"`scale` must rise, got {scale!r}; turn the answers with `orient(…, reversed=True)`")
    return low, high


def orient(scores: Any, scale: Scale, reversed: bool) -> Any:
    """Scores turned so that the other end of the scale is high: low + high − x, where `reversed`.

    Returns the same kind of container for pandas and NumPy; no answer stays no answer.

    >>> orient(np.array([1.0, 4.0, 5.0]), (1, 5), reversed=True)
    array([5., 2., 1.])
    """
    low, high = check_ends(scale)
    return low + high - scores if reversed else scores


def scale_words(scale: Scale) -> str:
    """The unit of a mean: `1 to 7`."""
    return f"{scale[0]:g} to {scale[1]:g}"
