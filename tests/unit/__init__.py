"""What needs nothing but Python: fakes instead of AWS, and no sockets."""
