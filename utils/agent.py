"""The reference agent: the course notes' plain one, in today's idiom.

One node asks the model, one runs the tools it asked for, one after the other; a tool's error goes
through. Each node has a plain async twin, so that the same graph serves ``invoke`` and ``ainvoke``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from utils.errors import CallError


class AgentState(TypedDict):
    """What the agent remembers: its messages, added to by each node."""

    messages: Annotated[list[AnyMessage], add_messages]


class Agent:
    """A model that may call tools until it has an answer; ``graph`` is the compiled graph.

    Raises CallError for a model that is not a chat model, and for tools that are not a list of tools.
    """

    def __init__(
        self,
        model: BaseChatModel,
        tools: Sequence[BaseTool],
        checkpointer: BaseCheckpointSaver[Any] | None = None,
        system: str = "",
        *,
        interrupt_before: Sequence[str] = (),
    ) -> None:
        _refuse_what_is_not_a_part(model, tools)
        self.system = system
        self.tools = {tool.name: tool for tool in tools}
        self.model = model.bind_tools(tools) if tools else model
        graph = StateGraph(AgentState)
        graph.add_node("llm", RunnableLambda(self.call_model, afunc=self.acall_model, name="llm"))
        graph.add_node("action", RunnableLambda(self.take_action, afunc=self.atake_action, name="action"))
        graph.add_edge(START, "llm")
        graph.add_conditional_edges("llm", self.exists_action, {True: "action", False: END})
        graph.add_edge("action", "llm")
        self.graph = graph.compile(checkpointer=checkpointer, interrupt_before=list(interrupt_before))

    def _history(self, state: AgentState) -> list[AnyMessage]:
        messages = state["messages"]
        return [SystemMessage(self.system), *messages] if self.system else messages

    def call_model(self, state: AgentState) -> dict[str, Any]:
        """Ask the model, with everything said so far."""
        return {"messages": [self.model.invoke(self._history(state))]}

    async def acall_model(self, state: AgentState) -> dict[str, Any]:
        """Do what ``call_model`` does, asynchronously."""
        return {"messages": [await self.model.ainvoke(self._history(state))]}

    def exists_action(self, state: AgentState) -> bool:
        """Return whether the last message asks for tools; messages that cannot ask do not."""
        messages = state["messages"]
        return bool(messages and getattr(messages[-1], "tool_calls", None))

    def take_action(self, state: AgentState) -> dict[str, Any]:
        """Run the tools that the last message asks for, in its order."""
        results = []
        for call in getattr(state["messages"][-1], "tool_calls", []):
            result = self.tools[call["name"]].invoke(call["args"])
            results.append(ToolMessage(str(result), name=call["name"], tool_call_id=call["id"]))
        return {"messages": results}

    async def atake_action(self, state: AgentState) -> dict[str, Any]:
        """Do what ``take_action`` does, asynchronously: still one tool after the other."""
        results = []
        for call in getattr(state["messages"][-1], "tool_calls", []):
            result = await self.tools[call["name"]].ainvoke(call["args"])
            results.append(ToolMessage(str(result), name=call["name"], tool_call_id=call["id"]))
        return {"messages": results}


def _refuse_what_is_not_a_part(model: Any, tools: Any) -> None:
    if not hasattr(model, "bind_tools"):
        raise CallError(
            f"Agent() needs a chat model first, got {type(model).__name__}",
            hint="write Agent(kit.model(), [kit.search()])",
        )
    if not isinstance(tools, list | tuple):
        raise CallError(
            f"Agent() needs a list of tools, got {type(tools).__name__}",
            hint="put them into a list, also a single one: Agent(model, [tool])",
        )
    wrong = next((tool for tool in tools if not hasattr(tool, "name")), None)
    if wrong is not None:
        raise CallError(
            f"each tool needs a name, and a {type(wrong).__name__} has none",
            hint="write @tool above a function to make a tool of it",
        )
