"""What runs on an engineer's machine and never on AWS."""
