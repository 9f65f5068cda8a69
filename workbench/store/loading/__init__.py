"""Files into tables: read, checked against the catalog, good rows in and bad ones aside."""
