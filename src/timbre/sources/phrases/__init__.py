"""Phrases as a player might play them, composed by chance from tables of music."""
