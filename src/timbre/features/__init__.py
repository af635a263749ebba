"""extract_mels, layer_mixtures: from waveforms to log mels and mixtures."""
