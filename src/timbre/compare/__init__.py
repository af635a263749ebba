"""compare: what differs between two revisions in data, scores, params and code."""
