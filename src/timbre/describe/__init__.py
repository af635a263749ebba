"""Describe data for other programs: licences and Croissant metadata."""
