"""Needs-based segmentation: which groups of customers differ in what they need, and whether the groups are real."""

from cxlab.segments.kmeans import KMeansSegmenter
from cxlab.segments.needs import NeedsSegments, needs_segments
from cxlab.segments.screening import screen
from cxlab.segments.stability import null_check, stability

__all__ = ["KMeansSegmenter", "NeedsSegments", "needs_segments", "null_check", "screen", "stability"]
