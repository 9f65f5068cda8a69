"""A page that answers back: its figures under a reader's filters and assumptions."""
