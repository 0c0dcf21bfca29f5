"""How an estimate is said: the sentence a manager will quote, made from the fields of a result.

NPS and shares are whole numbers, means have one decimal, a minus is a minus sign, a base has thousands separators. A
sentence always carries the interval and the base, and never says more than the interval allows.
"""

from __future__ import annotations

import math

_WHOLE = ("points", "%")


def figure(value: float, unit: str = "") -> str:
    """A number as a reader sees it.

    >>> figure(-18.1, "points"), figure(81.4, "%"), figure(5.24, "1 to 7"), figure(-0.2, "points")
    ('−18', '81%', '5.2', '0')
    """
    text = f"{value:,.{0 if unit in _WHOLE else 1}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−") + ("%" if unit == "%" else "")


def between(low: float, high: float, unit: str = "") -> str:
    """An interval in words.

    >>> between(-3.2, 8.9, "points")
    'between −3 and 9'
    """
    return f"between {figure(low, unit)} and {figure(high, unit)}"


def base(n: int) -> str:
    """A base.

    >>> base(2650)
    'n 2,650'
    """
    return f"n {n:,}"


def _level(conf_level: float) -> str:
    """Nothing for 95%, the level in words for any other."""
    return "" if math.isclose(conf_level, 0.95) else f", {100 * conf_level:g}% interval"


def statement(
    label: str, unit: str, *, estimate: float, conf_low: float, conf_high: float, conf_level: float, n: int, reason: str
) -> str:
    """One estimate as a sentence.

    >>> statement("NPS", "points", estimate=30.98, conf_low=29.2, conf_high=32.7, conf_level=0.95, n=2650, reason="")
    'NPS is 31, between 29 and 33 (n 2,650).'
    """
    if math.isnan(estimate):
        return f"{label} cannot be stated: {reason or 'it is not defined'} ({base(n)})."
    value = figure(estimate, unit) + (f" on a scale of {unit}" if " to " in unit else "")
    if math.isnan(conf_low):
        return f"{label} is {value}, without an interval: {reason or 'it is not defined'} ({base(n)})."
    return f"{label} is {value}, {between(conf_low, conf_high, unit)} ({base(n)}{_level(conf_level)})."


def difference_statement(
    label: str,
    unit: str,
    *,
    estimate: float,
    conf_low: float,
    conf_high: float,
    conf_level: float,
    n_before: int,
    n_after: int,
    reason: str,
) -> str:
    """A difference as a sentence: a rise, a fall, or no clear change where the interval holds zero.

    >>> difference_statement("NPS", "points", estimate=-8.86, conf_low=-12.7, conf_high=-5.0, conf_level=0.95,
    ...                      n_before=2746, n_after=2650, reason="")
    'NPS fell by 9 points, between 5 and 13 (n 2,746 before, 2,650 after).'
    """
    bases = f"({base(n_before)} before, {n_after:,} after{_level(conf_level)})."
    if math.isnan(estimate):
        return f"The change in {label} cannot be stated: {reason or 'it is not defined'} {bases}"
    plain = "points" if unit in _WHOLE else unit
    noun = {"points": " point", "%": " percentage point"}.get(unit, "")
    if noun and abs(round(estimate)) != 1:
        noun += "s"
    if math.isnan(conf_low):
        why = reason or "it is not defined"
        return f"{label} changed by {figure(estimate, plain)}{noun}, without an interval: {why} {bases}"
    if conf_low <= 0 <= conf_high:
        change = f"{figure(estimate, plain)}{noun}, {between(conf_low, conf_high, plain)}"
        return f"No clear change in {label}: {change} {bases}"
    verb, low, high = ("rose", conf_low, conf_high) if conf_low > 0 else ("fell", -conf_high, -conf_low)
    return f"{label} {verb} by {figure(abs(estimate), plain)}{noun}, {between(low, high, plain)} {bases}"
