"""download: where recordings come from; all end up in Kaggle's layout."""
