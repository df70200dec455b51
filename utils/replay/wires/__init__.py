"""One module per protocol; this table is all the server knows of them."""

from utils.replay.wires.anthropic_messages import AnthropicMessages
from utils.replay.wires.base import Wire
from utils.replay.wires.bedrock_converse import BedrockConverse
from utils.replay.wires.openai_chat import OpenAIChat
from utils.replay.wires.openai_responses import OpenAIResponses

WIRES: tuple[Wire, ...] = (OpenAIChat(), OpenAIResponses(), AnthropicMessages(), BedrockConverse())

__all__ = ["WIRES", "Wire"]
