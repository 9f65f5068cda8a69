"""What managers read: editions put where they read them, their index, and copies that leave."""
