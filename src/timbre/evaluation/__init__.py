"""evaluate: from models to metrics, pictures and pages."""
