"""The data's life beyond storing it: incidents, sharing, rights, retention, review."""
