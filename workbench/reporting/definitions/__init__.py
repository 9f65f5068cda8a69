"""What reports are: their definitions, their parameters, their schedules, and what is due."""
