"""Pages: their parts, their order, their template."""
