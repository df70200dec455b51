"""The studio: a graph, its thread and all that can be done with it, in one view."""

from utils.views.studio.studio import Studio, studio

__all__ = ["Studio", "studio"]
