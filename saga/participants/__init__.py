"""One file per participant: what can be booked there, and which capacity a booking takes."""
