"""Tables opened for a purpose: its columns, its people, audited."""
