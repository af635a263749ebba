"""prepare: from a raw folder to labelled windows with splits."""
