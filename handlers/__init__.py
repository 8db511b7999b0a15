"""Lambda entry points; each function bears the name of its state in the state machine."""
