"""What is trained privately: from released counts, never from rows."""
