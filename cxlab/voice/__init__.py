"""Voice of the customer: sentiment, themes and what goes with them, without a download."""

from cxlab.data.privacy import mask_pii
from cxlab.voice.calibration import CalibratedSentiment, calibrate_sentiment
from cxlab.voice.calls import customers_to_call, key_accounts
from cxlab.voice.classifier import SentimentClassifier
from cxlab.voice.emotions import emotion_of, emotions
from cxlab.voice.impact import adjusted_impact, theme_impact, worst_themes
from cxlab.voice.lexicon import Lexicon
from cxlab.voice.overview import VoiceOfCustomer, voice_of_customer
from cxlab.voice.quotes import quotes
from cxlab.voice.sentiment import lexicon_sentiment, sentence_sentiment
from cxlab.voice.themes import Codebook, suggest_themes
from cxlab.voice.trends import first_appearances, theme_alerts, theme_trends

__all__ = [
    "CalibratedSentiment",
    "Codebook",
    "Lexicon",
    "SentimentClassifier",
    "VoiceOfCustomer",
    "adjusted_impact",
    "calibrate_sentiment",
    "customers_to_call",
    "emotion_of",
    "emotions",
    "first_appearances",
    "key_accounts",
    "lexicon_sentiment",
    "mask_pii",
    "quotes",
    "sentence_sentiment",
    "suggest_themes",
    "theme_alerts",
    "theme_impact",
    "theme_trends",
    "voice_of_customer",
    "worst_themes",
]
