"""The compliance summary: from records, logs and private answers to indicators and annexes."""
