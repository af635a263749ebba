"""Adapt the models to songs with corrected predictions, and keep the old models unless the new ones are better."""
