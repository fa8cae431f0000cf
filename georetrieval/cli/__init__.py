"""The command line: one file per group, nothing heavy at import time."""
