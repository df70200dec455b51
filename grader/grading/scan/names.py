"""What the names in a cell stand for, as far as that can be seen without running it."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable
from itertools import islice

SHELL = "IPython shell"
"""what ``get_ipython()`` gives"""
DISGUISED = "disguised text"
MODEL = "address of the model"

_DEEP = 12
_LONG = 200
"""characters of a dotted name, or of a text put together from parts"""
_BUILTINS = {name: f"builtins.{name}" for name in dir(builtins)} | {
    "__builtins__": "builtins",
    "get_ipython": "IPython.get_ipython",
}
_PARTS = 50
"""nodes of an expression that are looked at to see what kind of text it makes"""
_OBJECTS = frozenset(
    (
        "aiohttp.ClientSession",
        "http.client.HTTPConnection",
        "httpx.AsyncClient",
        "httpx.Client",
        "httpx2.AsyncClient",
        "httpx2.Client",
        "requests.Session",
        "socket.socket",
        "urllib3.PoolManager",
        "utils.agent.Agent",
    )
)
"""classes whose objects are followed, as ``socket.socket()``"""
_DECODERS = re.compile(
    r"""base64\.(?=\w*decode)\w+ | (?:zlib|gzip|bz2|lzma)\.decompress | codecs\.(?:decode|getdecoder)
    | binascii\.(?:unhexlify|a2b_\w+) | (?:marshal|pickle)\.loads
    | builtins\.(?:chr|bytes|bytearray)(?:\.fromhex)?""",
    re.VERBOSE,
)
_CIPHERS = frozenset(("rot13", "rot_13", "hex", "hex_codec", "base64", "base64_codec", "zlib", "zip"))
_ADDRESS = re.compile(
    r"""/chat/completions\b | /v1/(?:responses|messages)\b
    | ^(?:OPENAI_BASE_URL|OPENAI_API_BASE|ANTHROPIC_BASE_URL|KIT_RECORDED_MODEL)$""",
    re.VERBOSE,
)


def text(node: ast.AST | None, deep: int = 0) -> str | None:
    """Return the text that an expression of constants alone gives; ``None`` if it is not one."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.BinOp(left=left, op=ast.Add(), right=right) if deep < _DEEP:
            first, second = text(left, deep + 1), text(right, deep + 1)
            return None if first is None or second is None else (first + second)[:_LONG]
        case ast.JoinedStr(values=values) if deep < _DEEP:
            parts = [text(value, deep + 1) for value in values]
            return None if None in parts else "".join(part or "" for part in parts)[:_LONG]
        case ast.FormattedValue(value=value, format_spec=None) if deep < _DEEP:
            return text(value, deep + 1)
    return None


class Names:
    """Dotted names of what a submission's names stand for: ``g`` is ``gc`` after ``import gc as g``."""

    def __init__(self, watched: Iterable[str]) -> None:
        self._watched = tuple(watched)
        """what ``from … import *`` may bring"""
        self._known: dict[str, str] = {}

    def learn(self, tree: ast.Module) -> None:
        """Note what a cell imports and gives other names to; what it defines itself is its own."""
        own = {id(node) for node in tree.body}
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.NamedExpr)]
        for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
            match node:
                case ast.Import(names=names):
                    for alias in names:
                        whole = alias.name if alias.asname else alias.name.split(".")[0]
                        self._note(alias.asname or whole, whole)
                case ast.ImportFrom(module=str(module), names=names, level=0):
                    for alias in names:
                        self._imported(module, alias)
                case ast.Assign(targets=targets, value=value):
                    self._assigned(targets, value)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._assigned([target], value)
                case ast.NamedExpr(target=target, value=value):
                    self._assigned([target], value)
                case ast.With(items=items) | ast.AsyncWith(items=items):
                    for item in items:
                        if item.optional_vars is not None:
                            self._assigned([item.optional_vars], item.context_expr)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    if id(node) in own:
                        self._known[name] = ""

    def of(self, node: ast.AST, deep: int = 0) -> str:
        """Return the dotted name of what an expression gives; empty if that is not known."""
        if deep > _DEEP:
            return ""
        match node:
            case ast.Name(id=name):
                return self._known.get(name, _BUILTINS.get(name, ""))
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.of(value, deep + 1)
            case ast.Attribute(value=value, attr=attr):
                return _dotted(self.of(value, deep + 1), attr)
            case ast.Subscript(value=value, slice=key):
                return self._entry(self.of(value, deep + 1), text(key))
            case ast.Call(func=func, args=args):
                return self._given(self.of(func, deep + 1), args, deep + 1)
        return ""

    def disguised(self, node: ast.AST) -> bool:
        """Return whether an expression decodes a text, or puts one together, that cannot be read."""
        return any(self._disguises(part) for part in parts_of(node))

    def about_the_model(self, node: ast.AST) -> bool:
        """Return whether the model's address is in an expression."""
        for part in parts_of(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                if _ADDRESS.search(part.value):
                    return True
            elif isinstance(part, ast.Name) and self._known.get(part.id) == MODEL:
                return True
        return False

    def _note(self, name: str, dotted: str) -> None:
        self._known[name] = dotted if len(dotted) <= _LONG else ""

    def _imported(self, module: str, alias: ast.alias) -> None:
        if alias.name != "*":
            self._note(alias.asname or alias.name, f"{module}.{alias.name}")
            return
        for dotted in self._watched:
            where, _, name = dotted.rpartition(".")
            if where == module:
                self._note(name, dotted)

    def _assigned(self, targets: list[ast.expr], value: ast.expr) -> None:
        meaning = self._meaning(value)
        for target in targets:
            match target, value:
                case ast.Name(id=name), _:
                    if meaning:
                        self._note(name, meaning)
                case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                    for one, its in zip(names, values, strict=True):
                        if isinstance(one, ast.Name) and (dotted := self.of(its)):
                            self._note(one.id, dotted)

    def _meaning(self, value: ast.expr) -> str:
        if dotted := self.of(value):
            return dotted
        if self.disguised(value):
            return DISGUISED
        return MODEL if self.about_the_model(value) else ""

    def _entry(self, base: str, key: str | None) -> str:
        if key is None:
            return ""
        if base == "sys.modules":
            return key[:_LONG]
        if base == "globals()":
            return self._known.get(key, _BUILTINS.get(key, ""))
        if base == "builtins" or base.endswith(".__dict__"):
            return _dotted(base.removesuffix(".__dict__"), key)
        return ""

    def _given(self, function: str, args: list[ast.expr], deep: int) -> str:
        """Return the dotted name of what a call gives; empty if that is not known."""
        match function, args:
            case "builtins.getattr", [owner, name, *_]:
                return _dotted(self.of(owner, deep), text(name))
            case "builtins.__import__" | "importlib.import_module" | "importlib.__import__", [name, *_]:
                return (text(name) or "")[:_LONG]
            case "sys.modules.get", [name, *_]:
                return (text(name) or "")[:_LONG]
            case "builtins.vars", [owner]:
                return _dotted(self.of(owner, deep), "__dict__")
            case "builtins.globals" | "builtins.locals" | "builtins.vars", []:
                return "globals()"
            case "builtins.type", [owner]:
                return _dotted(self.of(owner, deep), "__class__")
        if function in ("IPython.get_ipython", "IPython.core.getipython.get_ipython"):
            return SHELL
        if function.endswith("InteractiveShell.instance"):
            return SHELL
        return f"{function}()" if function in _OBJECTS else ""

    def _disguises(self, node: ast.AST) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(attr="decode"), args=[name, *_]) if text(name) in _CIPHERS:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[ast.List(elts=parts)]):
                return bool(parts) and all(text(part) is not None for part in parts)
            case ast.Call(func=func, args=args):  # the second for map(chr, …)
                return any(_DECODERS.fullmatch(self.of(part)) for part in (func, *args[:1]))
            case ast.Subscript(
                slice=ast.Slice(step=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)))
            ):
                return True
            case ast.BinOp(op=ast.Add()):
                return text(node) is not None
            case ast.Name(id=name):
                return self._known.get(name) == DISGUISED
        return False


def parts_of(node: ast.AST) -> Iterable[ast.AST]:
    """Return the first nodes of an expression; those of nested ones would be looked at again and again."""
    return islice(ast.walk(node), _PARTS)


def _dotted(owner: str, name: str | None) -> str:
    """Return both as one name; empty if one is not known or both together get endless."""
    return f"{owner}.{name}" if owner and name and len(owner) + len(name) < _LONG else ""
