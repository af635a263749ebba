"""train_layered, train_single: from mels to a model."""
