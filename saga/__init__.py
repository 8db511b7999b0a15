"""The saga: a trip is booked whole, or nothing of it stays booked."""
