"""Is a scoring model right, still right, and worth it: figures with interval, source and power."""
