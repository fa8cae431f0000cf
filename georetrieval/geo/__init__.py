"""Ground and ink: grids, legends, deliveries, photographs, painting. Knows no net and no index."""
