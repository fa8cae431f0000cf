"""The memory: descriptors, indexes, galleries, matches, metrics and the store on disk. No torch, no coordinates."""
