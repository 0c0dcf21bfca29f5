"""Customer journeys rebuilt from event logs: order, transitions, variants, rules, stages, segments, and what goes with them."""

from cxlab.journeys.design import Designed, designed
from cxlab.journeys.funnels import Funnel, stage_funnel
from cxlab.journeys.importance import TouchpointImportance, touchpoint_importance
from cxlab.journeys.log import Journeys
from cxlab.journeys.maps import CustomerJourneys, customer_journeys
from cxlab.journeys.moments import DiscreteOrJourney, MomentsOfTruth, discrete_or_journey, moments_of_truth
from cxlab.journeys.onward import Ways, ways
from cxlab.journeys.outcomes import Significance, significance
from cxlab.journeys.reconstruct import reconstruct
from cxlab.journeys.stages import StageMaps, stage_maps
from cxlab.journeys.tempo import Pace, pace

__all__ = [
    "CustomerJourneys",
    "Designed",
    "DiscreteOrJourney",
    "Funnel",
    "Journeys",
    "MomentsOfTruth",
    "Pace",
    "Significance",
    "StageMaps",
    "TouchpointImportance",
    "Ways",
    "customer_journeys",
    "designed",
    "discrete_or_journey",
    "moments_of_truth",
    "pace",
    "reconstruct",
    "significance",
    "stage_funnel",
    "stage_maps",
    "touchpoint_importance",
    "ways",
]
