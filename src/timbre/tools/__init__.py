"""tools: what people do with predictions: print them, write them to files and tags, search songs."""
