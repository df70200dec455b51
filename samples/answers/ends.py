# ruff: noqa
# Right, except for one exercise: the demonstration's power cut was copied into it.

# %% 1.1 as in the solution
# %% 1.2 as in the solution
# %% 1.3 as in the solution
# %% 1.5 as in the solution
# %% 1.4
import os


def resume(agent, thread_id: str) -> str:
    """The text of the answer that an unfinished run still owes."""
    for event in agent.stream(None, {"configurable": {"thread_id": thread_id}}):
        print("finished:", *event)
        os._exit(0)


# %% 1.6 as in the solution
