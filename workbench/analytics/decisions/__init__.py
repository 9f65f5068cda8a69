"""What to expect of a portfolio, where to put a budget, and what an action brought."""
