"""What a ladder has learned and kept: its matrix from what is kept of it, as a table, a plot and a page."""
