"""Training of the timeline network."""
