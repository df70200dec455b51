"""Pictures made from data: each has a text form and an HTML form.

They change nothing, except those with buttons (`approval_card`, `checkpoint_explorer`, `studio`) when one is
pressed.
"""

from utils.observed.calls import calls_of, most_open
from utils.observed.moments import Moment
from utils.views.approval import ApprovalCard, approval_card
from utils.views.card import ExerciseView, exercise_html, exercise_text
from utils.views.conversation import ConversationView, conversation
from utils.views.explorer import CheckpointExplorer, checkpoint_explorer
from utils.views.gantt import gantt
from utils.views.graph import graph_mermaid, graph_picture, graph_text, install_graph_formatter
from utils.views.live import TokenWatch, token_watch
from utils.views.page import stylesheet, with_style
from utils.views.sqlite import CheckpointFileError, sqlite_tables, sqlite_threads, tables_in, threads_in
from utils.views.studio import Studio, studio
from utils.views.table import LabView, lab_html, lab_text
from utils.views.timeline import token_timeline
from utils.views.tree import CheckpointNode, checkpoint_tree, snapshots_to_nodes

__all__ = [
    "ApprovalCard",
    "CheckpointExplorer",
    "CheckpointFileError",
    "CheckpointNode",
    "ConversationView",
    "ExerciseView",
    "LabView",
    "Moment",
    "Studio",
    "TokenWatch",
    "approval_card",
    "calls_of",
    "checkpoint_explorer",
    "checkpoint_tree",
    "conversation",
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
    "studio",
    "stylesheet",
    "tables_in",
    "threads_in",
    "token_timeline",
    "token_watch",
    "with_style",
]
