"""Files that run a shop where it is installed: for supervisor, for systemd, and their environment."""
