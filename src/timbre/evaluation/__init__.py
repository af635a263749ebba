"""evaluate: from a model to metrics, pictures and pages."""
