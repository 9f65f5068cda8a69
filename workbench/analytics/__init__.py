"""What is learned from frames; nothing here knows a ledger."""
