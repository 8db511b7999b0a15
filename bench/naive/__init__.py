"""The naive saga, the baseline of the measurements: it puts rows, deletes them on failure, and promises nothing."""
