"""Voice of the customer: sentiment, themes and what goes with them, without a download."""

from cxlab.data.privacy import mask_pii
from cxlab.voice.aspects import AspectModel, aspect_sentiment, fit_aspects
from cxlab.voice.calibration import CalibratedSentiment, calibrate_sentiment
from cxlab.voice.calls import customers_to_call, key_accounts
from cxlab.voice.classifier import SentimentClassifier
from cxlab.voice.coders import agreement_of_coders, codebook_agreement, cohen_kappa, krippendorff_alpha
from cxlab.voice.coding import coding_guide, coding_sheet, export_coding, read_coding
from cxlab.voice.cues import cue_table, cues
from cxlab.voice.emotions import emotion_of, emotions
from cxlab.voice.impact import adjusted_impact, theme_impact, worst_themes
from cxlab.voice.languages import scorable
from cxlab.voice.lexicon import Lexicon
from cxlab.voice.overview import VoiceOfCustomer, voice_of_customer
from cxlab.voice.proposals import draft_toml, suggest_themes
from cxlab.voice.quotes import quotes
from cxlab.voice.sentiment import lexicon_sentiment, sentence_sentiment
from cxlab.voice.stream import score_comments
from cxlab.voice.themes import Codebook
from cxlab.voice.trends import first_appearances, theme_alerts, theme_trends
from cxlab.voice.word_lists import lexicon_for, score_with_lexicon, sentiment_by_language

__all__ = [
    "AspectModel",
    "CalibratedSentiment",
    "Codebook",
    "Lexicon",
    "SentimentClassifier",
    "VoiceOfCustomer",
    "adjusted_impact",
    "agreement_of_coders",
    "aspect_sentiment",
    "calibrate_sentiment",
    "codebook_agreement",
    "coding_guide",
    "coding_sheet",
    "cohen_kappa",
    "cue_table",
    "cues",
    "customers_to_call",
    "draft_toml",
    "emotion_of",
    "emotions",
    "export_coding",
    "first_appearances",
    "fit_aspects",
    "key_accounts",
    "krippendorff_alpha",
    "lexicon_for",
    "lexicon_sentiment",
    "mask_pii",
    "quotes",
    "read_coding",
    "scorable",
    "score_comments",
    "score_with_lexicon",
    "sentence_sentiment",
    "sentiment_by_language",
    "suggest_themes",
    "theme_alerts",
    "theme_impact",
    "theme_trends",
    "voice_of_customer",
    "worst_themes",
]
