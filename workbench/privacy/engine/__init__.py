"""From rows to noisy integers: bounded in the engine, booked, drawn."""
