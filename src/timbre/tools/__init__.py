"""tools: what is done with answers: printed, written to files, asked for stretches, kept in tags."""
