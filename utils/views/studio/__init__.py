"""The studio: a graph, its thread and all that can be done with it, in one view."""
