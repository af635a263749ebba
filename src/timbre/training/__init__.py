"""Training of the single and layered models, from mel spectrograms to a model file."""
