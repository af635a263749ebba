"""Apply one function to many items, on all cores or on a Dask cluster, with the same results."""
