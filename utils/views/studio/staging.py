"""A saver that keeps what a run writes to itself until the run has gone well.

A run that fails has by then written its input, and often more. Here nothing of it reaches the real saver: it
is dropped, and the thread is as it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.memory import InMemorySaver


@dataclass(frozen=True, slots=True)
class _Put:
    """A checkpoint that was put."""

    config: RunnableConfig
    own: RunnableConfig
    """where it is here"""
    versions: ChannelVersions


@dataclass(frozen=True, slots=True)
class _Writes:
    """Writes of a task that were put."""

    config: RunnableConfig
    writes: Sequence[tuple[str, Any]]
    task: str
    path: str


class StagingSaver(BaseCheckpointSaver[Any]):
    """Reads what the real saver has and what was written here; writes only here, until told to pass it on."""

    def __init__(self, real: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=real.serde)
        self.real = real
        # It keeps bytes, as a real saver does: a node that changes its input in place changes no checkpoint.
        self._own = InMemorySaver(serde=real.serde)
        self._written: list[_Put | _Writes] = []

    @property
    def config_specs(self) -> list[Any]:
        return self.real.config_specs

    @property
    def loop(self) -> Any:
        """The event loop that the real saver belongs to; None for one that belongs to none."""
        return getattr(self.real, "loop", None)

    def get_next_version(self, current: Any, channel: Any) -> Any:
        """Return the next version as the real saver counts them."""
        return self.real.get_next_version(current, channel)

    # Writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        # All values and not only the new ones: the older ones are in the real saver.
        kept = self._own.put(config, checkpoint, metadata, checkpoint["channel_versions"])
        self._written.append(_Put(config, kept, new_versions))
        return kept

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._own.put_writes(config, writes, task_id, task_path)
        self._written.append(_Writes(config, list(writes), task_id, task_path))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.put_writes(config, writes, task_id, task_path)

    def pass_on(self) -> None:
        """Write to the real saver what was written here, in the same order."""
        for row in self._written:
            if isinstance(row, _Put):
                kept = self._kept(row)
                self.real.put(row.config, kept.checkpoint, kept.metadata, row.versions)
            else:
                self.real.put_writes(row.config, row.writes, row.task, row.path)
        self._written.clear()

    async def apass_on(self) -> None:
        """Do what `pass_on` does, where the real saver is asynchronous."""
        for row in self._written:
            if isinstance(row, _Put):
                kept = self._kept(row)
                await self.real.aput(row.config, kept.checkpoint, kept.metadata, row.versions)
            else:
                await self.real.aput_writes(row.config, row.writes, row.task, row.path)
        self._written.clear()

    def _kept(self, row: _Put) -> CheckpointTuple:
        found = self._own.get_tuple(row.own)
        assert found is not None  # it was put there
        return found

    # Reading

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        own = self._own.get_tuple(config)
        return own or self._with_writes(self.real.get_tuple(config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        own = self._own.get_tuple(config)
        return own or self._with_writes(await self.real.aget_tuple(config))

    def _with_writes(self, found: CheckpointTuple | None) -> CheckpointTuple | None:
        return None if found is None else self._and_writes(found)

    def _and_writes(self, found: CheckpointTuple) -> CheckpointTuple:
        """Return a checkpoint of the real saver with the writes that were added to it here."""
        at = found.config["configurable"]
        key = (at["thread_id"], at.get("checkpoint_ns", ""), at["checkpoint_id"])
        added = [(task, channel, self.serde.loads_typed(v)) for task, channel, v, _ in self._added(key)]
        if not added:
            return found
        return found._replace(pending_writes=[*(found.pending_writes or []), *added])

    def _added(self, key: tuple[str, str, str]) -> list[tuple[str, str, tuple[str, bytes], str]]:
        return list(self._own.writes.get(key, {}).values())

    def list(
        self, config: RunnableConfig | None, *, limit: int | None = None, **which: Any
    ) -> Iterator[CheckpointTuple]:
        own = [*self._own.list(config, limit=limit, **which)]
        yield from own
        rest = None if limit is None else limit - len(own)
        for found in self.real.list(config, limit=rest, **which) if rest != 0 else ():
            yield self._and_writes(found)

    async def alist(
        self, config: RunnableConfig | None, *, limit: int | None = None, **which: Any
    ) -> AsyncIterator[CheckpointTuple]:
        own = [*self._own.list(config, limit=limit, **which)]
        for found in own:
            yield found
        rest = None if limit is None else limit - len(own)
        if rest != 0:
            async for found in self.real.alist(config, limit=rest, **which):
                yield self._and_writes(found)
