"""What leaves is searched first: identifiers, and words that nobody wrote."""
