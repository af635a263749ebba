"""Reads what people write about recordings: tables, class names and labels."""
