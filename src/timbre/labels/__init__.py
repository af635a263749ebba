"""Labels that people write: class names, labels.csv and other tables, Kaggle's layout."""
