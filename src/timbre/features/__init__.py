"""Turn waveforms into log mels, layered mixtures and synthetic songs."""
