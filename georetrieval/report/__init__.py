"""What people look at: figures now, the HTML report later."""
