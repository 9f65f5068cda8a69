"""From a notebook to published pages: definitions, runs, the exporter, editions, the index."""
