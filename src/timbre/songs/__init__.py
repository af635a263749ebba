"""songs: decode a song, predict its instruments and timeline, and print or draw the result."""
