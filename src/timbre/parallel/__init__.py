"""One function over many items, on cores or on a Dask cluster: the same bytes."""
