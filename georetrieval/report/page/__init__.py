"""The report: one HTML file that says how well an index answers, where it fails, and why."""
