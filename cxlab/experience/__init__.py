"""Desired experience, brand and touchpoints: gaps, promises, feelings, scorecards and seams."""

from cxlab.experience.desired import DesiredExperience, desired_experience
from cxlab.experience.gaps import gap_table
from cxlab.experience.promises import BrandExperience, brand_experience, promise_register, team_scores
from cxlab.experience.touchpoints import Touchpoints, consistency, scorecard, seams, touchpoint_scores

__all__ = [
    "BrandExperience",
    "DesiredExperience",
    "Touchpoints",
    "brand_experience",
    "consistency",
    "desired_experience",
    "gap_table",
    "promise_register",
    "scorecard",
    "seams",
    "team_scores",
    "touchpoint_scores",
]
