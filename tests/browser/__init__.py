"""A package, unlike the other test folders: one worker has all of it, with one server and one browser."""
