"""The loop: embed, search, mine, step."""
