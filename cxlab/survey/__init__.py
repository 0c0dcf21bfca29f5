"""Survey measurement: NPS, CSAT and CES with intervals, weights, comparisons and waves.

Every figure is about those who were asked and answered. Rows are respondents; a missing answer is left out and counted.
"""

from cxlab.survey.batteries import Batteries, batteries
from cxlab.survey.carefulness import Carefulness, carefulness
from cxlab.survey.careless import Careless, careless, effect_of_exclusion
from cxlab.survey.change_points import ChangePoints, change_points
from cxlab.survey.comparison import compare, nps_change
from cxlab.survey.conduct import Conduct, conduct
from cxlab.survey.contacts import alert_queue, answer_lag, contact_rule, coverage, lag_bands, lag_decay
from cxlab.survey.control import ControlChart, control_chart
from cxlab.survey.fieldwork import regularity, repeat_respondents, runs_test
from cxlab.survey.metrics import SurveyEstimate, ces, csat, nps
from cxlab.survey.mix import mix_rate
from cxlab.survey.monitoring import Monitoring, monitor
from cxlab.survey.movement import Movement, movement
from cxlab.survey.reliability import IndexScale, index_scale
from cxlab.survey.representation import Representation, representation
from cxlab.survey.representativity import (
    achieved_sample,
    drift,
    late_responders,
    response_indicator,
)
from cxlab.survey.scales import check_scale, orient
from cxlab.survey.standing import Standing, stand_apart
from cxlab.survey.timing import EventTiming, event_timing
from cxlab.survey.tracking import WaveComparison, compare_waves, track
from cxlab.survey.weighting import WeightedWaves, rake_waves
from cxlab.survey.weights import RakedWeights, rake

__all__ = [
    "Batteries",
    "Carefulness",
    "Careless",
    "ChangePoints",
    "Conduct",
    "ControlChart",
    "EventTiming",
    "IndexScale",
    "Monitoring",
    "Movement",
    "RakedWeights",
    "Representation",
    "Standing",
    "SurveyEstimate",
    "WaveComparison",
    "WeightedWaves",
    "achieved_sample",
    "alert_queue",
    "answer_lag",
    "batteries",
    "carefulness",
    "careless",
    "ces",
    "change_points",
    "check_scale",
    "compare",
    "compare_waves",
    "conduct",
    "contact_rule",
    "control_chart",
    "coverage",
    "csat",
    "drift",
    "effect_of_exclusion",
    "event_timing",
    "index_scale",
    "lag_bands",
    "lag_decay",
    "late_responders",
    "mix_rate",
    "monitor",
    "movement",
    "nps",
    "nps_change",
    "orient",
    "rake",
    "rake_waves",
    "regularity",
    "repeat_respondents",
    "representation",
    "response_indicator",
    "runs_test",
    "stand_apart",
    "track",
]
