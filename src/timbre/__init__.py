"""Timbre hears guitar, drums, violin and piano: one of them alone, or several layered."""
