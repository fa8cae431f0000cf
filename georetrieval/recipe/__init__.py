"""Names in a YAML file meet classes here, and only here."""
