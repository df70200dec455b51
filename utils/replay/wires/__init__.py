"""One module per protocol; this table is all the server knows of them."""

from utils.replay.wires.base import Wire
from utils.replay.wires.openai_chat import OpenAIChat

WIRES: tuple[Wire, ...] = (OpenAIChat(),)

__all__ = ["WIRES", "Wire"]
