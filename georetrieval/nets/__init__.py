"""The eye: from named bands of pixels to one descriptor. Knows no coordinates and no index."""
