# ruff: noqa
# Everything right, by other means: a class, commands instead of edges, ready-made parts, async functions.

# %% 1.1
from langgraph.graph import MessagesState
from langgraph.prebuilt import ToolNode
from langgraph.types import Command


class SearchState(MessagesState):
    searches: Annotated[int, operator.add]


class Assistant:
    """The model decides itself where the run goes on."""

    def __init__(self, model, tools):
        self.model = model.bind_tools(tools)
        self.builder = StateGraph(SearchState)
        self.builder.add_node("llm", self.llm)
        self.builder.add_node("action", ToolNode(tools))
        self.builder.add_edge(START, "llm")
        self.builder.add_edge("action", "llm")

    def llm(self, state) -> Command[Literal["action", "__end__"]]:
        message = self.model.invoke(state["messages"])
        update = {"messages": [message], "searches": len(message.tool_calls)}
        return Command(update=update, goto="action" if message.tool_calls else END)


def build_agent(model, tools, checkpointer):
    return Assistant(model, tools).builder.compile(checkpointer=checkpointer)


# %% first
from typing import Literal


# %% 1.2
async def ask(agent, thread_id: str, text: str) -> str:
    state = await agent.ainvoke({"messages": HumanMessage(text)}, {"configurable": {"thread_id": thread_id}})
    return state["messages"][-1].text


# %% 1.3
import os
import sqlite3


class open_saver:
    def __init__(self, path):
        self.path = os.fspath(path)

    def __enter__(self):
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        self.connection = sqlite3.connect(self.path, check_same_thread=False)
        return SqliteSaver(self.connection)

    def __exit__(self, *error):
        self.connection.close()


# %% 1.5
def as_row(snapshot):
    parent = (snapshot.parent_config or {}).get("configurable", {})
    return dict(
        id=snapshot.config["configurable"]["checkpoint_id"],
        step=snapshot.metadata["step"],
        source=snapshot.metadata["source"],
        next=snapshot.next,
        messages=len(snapshot.values.get("messages", ())),
        parent=parent.get("checkpoint_id"),
    )


history = lambda agent, thread_id: [*map(as_row, agent.get_state_history(thread(thread_id)))]


# %% 1.4
def resume(agent, thread_id: str) -> str:
    for _ in agent.stream(None, thread(thread_id)):
        pass
    return agent.get_state(thread(thread_id)).values["messages"][-1].text


# %% 1.6
def rewind(agent, thread_id: str, turn: int, text: str) -> str:
    def asked(snapshot):
        return sum(isinstance(message, HumanMessage) for message in snapshot.values.get("messages", ()))

    def before(snapshot):
        return snapshot if asked(snapshot) < turn else before(agent.get_state(snapshot.parent_config))

    place = before(agent.get_state(thread(thread_id)))
    fork = agent.update_state(place.config, {"messages": [("user", text)]}, as_node="__start__")
    return agent.invoke(None, fork)["messages"][-1].text
