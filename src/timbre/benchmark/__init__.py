"""benchmark: score trained models on any labelled folder."""
