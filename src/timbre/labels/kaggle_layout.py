"""Kaggle's layout, which every source ends up in: two folders of recordings and a metadata file for each."""

FOLDERS = ("Train_submission", "Test_submission")  # Kaggle doubles them: one of the same name lies inside
METADATA = ("Metadata_Train.csv", "Metadata_Test.csv")
