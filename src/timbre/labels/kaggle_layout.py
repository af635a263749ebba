"""Kaggle's layout, which all sources are brought into: two folders of recordings, each with a metadata file."""

FOLDERS = ("Train_submission", "Test_submission")  # each contains a folder of the same name
METADATA = ("Metadata_Train.csv", "Metadata_Test.csv")
