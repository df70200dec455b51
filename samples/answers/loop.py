# ruff: noqa
# Right, except for a loop that never ends: it asks for the same checkpoint again and again.

# %% 1.1 as in the solution
# %% 1.2 as in the solution
# %% 1.3 as in the solution
# %% 1.5
def history(agent, thread_id: str) -> list[dict]:
    """One dictionary for each checkpoint of a thread."""
    config = {"configurable": {"thread_id": thread_id}}
    rows = []
    snapshot = agent.get_state(config)
    while snapshot.parent_config:
        rows = [{"step": snapshot.metadata["step"], "messages": len(snapshot.values["messages"])}]
        agent.get_state(snapshot.parent_config)
    return rows


# %% 1.4 as in the solution
# %% 1.6 as in the solution
