"""What the saga costs: measured in an embedded AWS of its own, beside a naive saga in the same one."""
