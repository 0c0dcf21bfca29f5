"""Statistics that several rooms share: intervals, survival, and the correction for many tests. Knows no surveys and no files."""

from cxlab.inference.estimates import difference_row, mean_row, share_of, share_row
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
from cxlab.inference.multiplicity import benjamini_hochberg, with_readings
from cxlab.inference.suppression import Suppressed, linked_reasons, recoverable, suppress
from cxlab.inference.survival import CumulativeIncidence, Survival, cumulative_incidence, kaplan_meier, log_rank

__all__ = [
    "CumulativeIncidence",
    "Difference",
    "Estimate",
    "LinearisedMean",
    "Suppressed",
    "Survival",
    "benjamini_hochberg",
    "cumulative_incidence",
    "detectable_difference",
    "difference",
    "difference_row",
    "effective_base",
    "kaplan_meier",
    "kish",
    "linearised_mean",
    "linked_reasons",
    "log_rank",
    "mean_row",
    "newcombe",
    "recoverable",
    "share_of",
    "share_row",
    "suppress",
    "wilson",
    "with_readings",
]
