"""The networks, their model files, and the two tasks."""
