"""Voice of the customer: sentiment, themes and what goes with them, without a download."""

from cxlab.data.privacy import mask_pii
from cxlab.voice.comments import VoiceOfCustomer, voice_of_customer
from cxlab.voice.emotions import emotion_of, emotions
from cxlab.voice.impact import theme_impact
from cxlab.voice.sentiment import lexicon_sentiment
from cxlab.voice.themes import Codebook, suggest_themes

__all__ = [
    "Codebook",
    "VoiceOfCustomer",
    "emotion_of",
    "emotions",
    "lexicon_sentiment",
    "mask_pii",
    "suggest_themes",
    "theme_impact",
    "voice_of_customer",
]
