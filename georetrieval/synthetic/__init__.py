"""Made-up worlds that write real file formats."""
