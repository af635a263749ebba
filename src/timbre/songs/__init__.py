"""From a song to an answer."""
