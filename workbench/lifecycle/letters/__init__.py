"""What the office writes to customers, authorities and for the record."""
