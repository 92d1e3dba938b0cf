"""From glass to paper: whole-slide pathology, measured, drafted, and signed by a person."""

__version__ = "0.1.0"
