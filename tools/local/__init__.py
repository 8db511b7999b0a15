"""The embedded AWS: everything a run without an account needs, on 127.0.0.1 and in the checkout's `.local/`."""
