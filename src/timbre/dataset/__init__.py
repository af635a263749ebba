"""Turn a raw folder into labelled windows with splits."""
