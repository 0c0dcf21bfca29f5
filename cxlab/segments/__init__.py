"""Needs-based segmentation: which groups of customers differ in what they need, and whether the groups are real."""

from cxlab.segments.bases import BaseComparison, behaviour, compare_bases
from cxlab.segments.cross_check import CrossCheck, cross_check
from cxlab.segments.discrimination import Discrimination, three_bases
from cxlab.segments.kmeans import KMeansSegmenter
from cxlab.segments.latent_class import (
    LatentClassSegmenter,
    bootstrap_lr,
    class_covariates,
    class_outcomes,
    latent_classes,
)
from cxlab.segments.migration import Migration, migration
from cxlab.segments.naming import Names, confirmed_names
from cxlab.segments.needs import NeedsSegments, needs_segments
from cxlab.segments.opportunity import Opportunity, SaidAgainstDerived, opportunity, said_against_derived
from cxlab.segments.pain_points import PainPoints, pain_points
from cxlab.segments.personas import Personas, persona_cards, personas
from cxlab.segments.recognition import FROZEN, Recognition, recognition, what_they_did
from cxlab.segments.screening import screen
from cxlab.segments.stability import null_check, stability
from cxlab.segments.typing_tool import CustomerTyping, TypingTool, score_customers
from cxlab.segments.unmet import UnmetNeeds, unmet_needs

__all__ = [
    "FROZEN",
    "BaseComparison",
    "CrossCheck",
    "CustomerTyping",
    "Discrimination",
    "KMeansSegmenter",
    "LatentClassSegmenter",
    "Migration",
    "Names",
    "NeedsSegments",
    "Opportunity",
    "PainPoints",
    "Personas",
    "Recognition",
    "SaidAgainstDerived",
    "TypingTool",
    "UnmetNeeds",
    "behaviour",
    "bootstrap_lr",
    "class_covariates",
    "class_outcomes",
    "compare_bases",
    "confirmed_names",
    "cross_check",
    "latent_classes",
    "migration",
    "needs_segments",
    "null_check",
    "opportunity",
    "pain_points",
    "persona_cards",
    "personas",
    "recognition",
    "said_against_derived",
    "score_customers",
    "screen",
    "stability",
    "three_bases",
    "unmet_needs",
    "what_they_did",
]
