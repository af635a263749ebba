"""The network, its file, its two tasks."""
