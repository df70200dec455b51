"""Pictures made from data: each has a text form and an HTML form, and changes nothing."""

from utils.views.card import ExerciseView, exercise_html, exercise_text
from utils.views.gantt import calls_of, gantt, most_open
from utils.views.graph import graph_mermaid, graph_picture, graph_text, install_graph_formatter
from utils.views.page import stylesheet, with_style
from utils.views.sqlite import CheckpointFileError, sqlite_tables, sqlite_threads, tables_in, threads_in
from utils.views.table import LabView, lab_html, lab_text
from utils.views.timeline import Moment, token_timeline
from utils.views.tree import CheckpointNode, checkpoint_tree, snapshots_to_nodes

__all__ = [
    "CheckpointFileError",
    "CheckpointNode",
    "ExerciseView",
    "LabView",
    "Moment",
    "calls_of",
    "checkpoint_tree",
    "exercise_html",
    "exercise_text",
    "gantt",
    "graph_mermaid",
    "graph_picture",
    "graph_text",
    "install_graph_formatter",
    "lab_html",
    "lab_text",
    "most_open",
    "snapshots_to_nodes",
    "sqlite_tables",
    "sqlite_threads",
    "stylesheet",
    "tables_in",
    "threads_in",
    "token_timeline",
    "with_style",
]
