"""What a model repository and a Space on Hugging Face need."""
