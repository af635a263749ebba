"""Composes random phrases, as a player might play them, from tables of chords, rhythms and grooves."""
