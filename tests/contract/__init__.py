"""One suite over every store: what the steps rely on is true of the fake and of the real thing alike."""
