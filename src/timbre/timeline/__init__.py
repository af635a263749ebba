"""Learning when instruments play."""
