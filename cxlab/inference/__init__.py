"""Statistics that several rooms share: intervals, and the correction for many tests. Knows no surveys and no files."""

from cxlab.inference.estimates import difference_row, mean_row, share_row
from cxlab.inference.intervals import (
    Difference,
    Estimate,
    LinearisedMean,
    detectable_difference,
    difference,
    effective_base,
    kish,
    linearised_mean,
    newcombe,
    wilson,
)
from cxlab.inference.multiplicity import benjamini_hochberg
from cxlab.inference.suppression import Suppressed, linked_reasons, recoverable, suppress

__all__ = [
    "Difference",
    "Estimate",
    "LinearisedMean",
    "Suppressed",
    "benjamini_hochberg",
    "detectable_difference",
    "difference",
    "difference_row",
    "effective_base",
    "kish",
    "linearised_mean",
    "linked_reasons",
    "mean_row",
    "newcombe",
    "recoverable",
    "share_row",
    "suppress",
    "wilson",
]
