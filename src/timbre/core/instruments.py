"""The four instruments, in label order, and what is none of them."""

INSTRUMENTS = ("guitar", "drums", "violin", "piano")
OTHER = "other"  # a clip in which none of the four plays: layered training hears it under them, unnamed
CLASSES = (*INSTRUMENTS, OTHER)
