"""From a file of any kind to mono windows of one rate and length."""
