"""Where workers run: one seam, one module for each kind of place."""
