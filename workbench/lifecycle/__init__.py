"""The data's life beyond storing it: rights, retention, backups, incidents, sharing, decisions."""
