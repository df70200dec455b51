# ruff: noqa
# What most people hand in: two exercises right, three that miss a case, one not begun.

# %% 1.1 as in the solution
# %% 1.2
def ask(agent, thread_id: str, text: str) -> str:
    """The text of the answer to one question on a thread."""
    config = {"configurable": {"thread_id": thread_id}}
    state = agent.invoke({"messages": [HumanMessage(text)]}, config)
    return state["messages"][-1].content


# %% 1.3
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path


def open_saver(path):
    """A context manager that gives a SqliteSaver on the file at path."""
    Path(path).parent.mkdir(exist_ok=True)
    return SqliteSaver.from_conn_string(str(path))


# %% 1.4 as in the solution
# %% 1.6
def rewind(agent, thread_id: str, turn: int, text: str) -> str:
    """The answer to a question that is asked in place of an earlier one."""
    snapshots = reversed(list(agent.get_state_history(thread(thread_id))))
    inputs = [snapshot for snapshot in snapshots if snapshot.metadata["source"] == "input"]
    state = agent.invoke({"messages": [HumanMessage(text)]}, inputs[turn - 1].config)
    return state["messages"][-1].text
