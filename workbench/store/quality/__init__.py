"""What the data is worth: rules, measurements of them, hints, and how well people hide."""
