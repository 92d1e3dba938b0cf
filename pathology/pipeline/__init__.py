"""THE CORRIDOR: the only place where rooms meet, and the only home of dask."""
