"""The explorer: one index shown in a browser, by a server that trusts nobody but its own page."""
