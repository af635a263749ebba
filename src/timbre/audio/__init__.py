"""Read any audio or video file as mono windows of one sample rate and length."""
