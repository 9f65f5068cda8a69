"""What may have gone wrong: reads, what stands out in them, incidents."""
