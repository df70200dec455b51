"""A package, unlike the other test folders: pytest ends its server and its browser with its last test."""
