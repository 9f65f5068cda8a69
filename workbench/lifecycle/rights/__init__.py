"""What customers may ask for, and how it is answered."""
