"""tools: what musicians do with answers: questions, regions, cue points."""
