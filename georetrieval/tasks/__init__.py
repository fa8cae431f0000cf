"""Work cut into tasks: whoever does them, in whatever order and however often interrupted, the result is the same."""
