# ruff: noqa
# Solves nothing and tries to be given points: other asserts, a changed harness, objects that equal everything,
# and answers of its own on the grader's connection. Only ever run in a jail.

# %% first
import ast
import gc
import json
import os
import struct
import sys


class DropAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)


get_ipython().ast_transformers.append(DropAsserts())


class Right(str):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = str.__hash__


# %% 1.2
def ask(agent, thread_id: str, text: str) -> str:
    return Right("anything")


# %% 1.5
def history(agent, thread_id: str) -> list[dict]:
    return Right("anything")


# %% last
for name, module in list(sys.modules.items()):
    if name.startswith("utils.") and hasattr(module, "run_exercise"):
        module.run_exercise = lambda *args: "passed"
for found in gc.get_objects():
    if type(found).__name__ == "Channel":
        found.send = lambda *args, **kwargs: None

# %% last
answer = {"kind": "answer", "number": 1, "answer": {"value": "anything"}}
data = json.dumps(answer).encode()
for descriptor in range(3, 64):
    try:
        os.write(descriptor, struct.pack("!I", len(data)) + data)
    except OSError:
        pass
