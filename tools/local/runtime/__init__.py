"""On the path of the functions in the embedded AWS, before all that is installed."""
