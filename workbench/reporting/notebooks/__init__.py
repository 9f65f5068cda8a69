"""What a notebook says, read without running it."""
