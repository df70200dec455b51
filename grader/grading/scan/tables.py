"""What is worth a person's look, as tables: kinds of findings, and the names and texts that give them."""

from __future__ import annotations

import re

KINDS = {
    "shell-internals": "This cell changes how the notebook itself runs or shows code.",
    "looks-around": "This cell searches the memory or the call stack of the process that runs it.",
    "reads-system": "This cell names files of the machine or of the course that no exercise needs.",
    "asks-if-graded": "This cell asks for settings that only the grader makes.",
    "patches-library": "This cell replaces a part of a library or of Python itself.",
    "imports-the-kit": "This cell imports the checks or other inner parts of the course kit.",
    "leans-on-the-kit": "This cell has a function in which parts of the course kit do the exercise's work.",
    "equal-to-everything": "This cell makes objects that equal everything or hide their class.",
    "ends-process": "This cell ends its own process, or sends it a signal, past Python's own exit.",
    "low-level": "This cell works below Python: on memory, descriptors, signals or traces of its process.",
    "hides-code": "This cell runs code, or looks up names, that it first puts together or decodes.",
    "network-listener": "This cell opens a port that others can connect to.",
    "talks-to-the-model": "This cell sends requests to the model's address itself, past the library.",
    "not-looked-at": "This cell was not looked at: it is longer, or nested deeper, than what people write.",
}
"""every kind, in the order of the flags of one cell, with what is said about it"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _each(kind: str, module: str, names: str) -> dict[str, str]:
    return {f"{module}.{name}": kind for name in names.split()}


AGENT = "utils.agent.Agent"
"""the kit's own; what is made of it is the student's"""
REFERENCES = {
    **_each("looks-around", "gc", "get_objects get_referrers get_referents"),
    **_each("looks-around", "sys", "_getframe _getframemodulename _current_frames _current_exceptions"),
    **_each("looks-around", "inspect", "stack trace currentframe getouterframes getinnerframes"),
    **_each("looks-around", "traceback", "walk_stack walk_tb"),
    **_each("ends-process", "os", "_exit abort execl execle execlp execv execve execvp execvpe"),
    **_each("ends-process", "signal", "raise_signal pthread_kill"),
    **_each("ends-process", "faulthandler", "_sigsegv _sigabrt _sigfpe _read_null _stack_overflow"),
    **_each("low-level", "os", "fork forkpty memfd_create dup2 closerange pidfd_open setns unshare"),
    **_each("low-level", "socket", "fromfd recv_fds send_fds"),
    **_each("low-level", "resource", "setrlimit prlimit"),
    **_each("low-level", "signal", "signal setitimer pthread_sigmask set_wakeup_fd"),
    **_each("low-level", "sys", "settrace setprofile addaudithook"),
    **_each("low-level", "threading", "settrace setprofile settrace_all_threads setprofile_all_threads"),
    **_each("hides-code", "types", "CodeType"),
    **_each("hides-code", "marshal", "loads load"),
    **_each("network-listener", "socket", "create_server"),
    **_each("network-listener", "socket.socket()", "bind listen"),
    **_each("network-listener", "asyncio", "start_server start_unix_server"),
    **_each("network-listener", "http.server", "HTTPServer ThreadingHTTPServer"),
    **_each("network-listener", "socketserver", "TCPServer ThreadingTCPServer UDPServer UnixStreamServer"),
    **_each("network-listener", "wsgiref.simple_server", "make_server"),
    **_each(
        "leans-on-the-kit", f"{AGENT}()", "call_model acall_model exists_action take_action atake_action"
    ),
    "builtins.object.__subclasses__": "looks-around",
}
"""dotted names, and what it means to use them"""

MODULES = {
    "ctypes": "low-level",
    "_ctypes": "low-level",
    "cffi": "low-level",
    "pty": "low-level",
    "grader": "imports-the-kit",
    "utils.checks": "imports-the-kit",
    "utils.lab": "imports-the-kit",
    "utils.replay": "imports-the-kit",
    "utils.notebook.check": "imports-the-kit",
    "utils.notebook.inprocess": "imports-the-kit",
    "utils.notebook.surroundings": "imports-the-kit",
}
"""modules, and what it means to import them or anything in them"""
WORKING_VIEWS = (
    "utils.notebook.studio",
    "utils.observed",
    "utils.studio",
    "utils.views.approval",
    "utils.views.checkpoint_explorer",
    "utils.views.explorer",
    "utils.views.live",
    "utils.views.pending",
    "utils.views.studio",
    "utils.views.thread",
    "utils.views.timeline",
    "utils.views.token_watch",
)
"""how the names of pictures begin that run a graph or work something out: no function needs them"""
PUBLIC = frozenset(("utils.notebook.check.check",))
"""what the labs themselves import from there"""

ATTRIBUTES = {
    **dict.fromkeys(
        ("tb_frame", "f_back", "f_globals", "f_locals", "f_builtins", "gi_frame", "cr_frame", "ag_frame"),
        "looks-around",
    ),
    **dict.fromkeys(("__subclasses__", "__globals__", "__closure__"), "looks-around"),
    **dict.fromkeys(("ast_transformers", "input_transformers_post"), "shell-internals"),
    **dict.fromkeys(("input_transformers_cleanup", "set_custom_exc", "run_ast_nodes"), "shell-internals"),
}
"""attributes of any object"""

SHELL_PARTS = _words(
    """
    compile displayhook events input_transformer_manager run_ast_nodes run_cell run_cell_async run_code
    should_run_async showsyntaxerror showtraceback transform_ast transform_cell
    """
)
"""attributes of the notebook's shell"""

PATCHABLE = _words(
    """
    IPython aiohttp asyncio builtins concurrent http httpx httpx2 inspect io ipykernel json langchain
    langchain_community langchain_core langchain_openai langgraph operator os pickle requests selectors
    socket sqlite3 subprocess tornado urllib urllib3 utils openai
    """
)
"""packages in which nothing is to be replaced"""
SETTINGS = _words(
    """
    __doc__ __name__ api_base api_key api_type api_version base_url debug default_headers environ
    http_client llm_cache max_retries organization timeout verbose
    """
)
"""attributes that are there to be set"""
CUSTOMARY = frozenset(("json.JSONEncoder.default", "builtins.input"))
"""what recipes replace: an encoder's fallback, and the person in the loop"""
MOCKED = frozenset(("builtins.open", "builtins.print"))
"""what tests of one's own replace besides"""

OWN_SETTINGS = frozenset(("KIT_GRADING", "KIT_HANDING_IN", "KIT_RECORDED_MODEL"))
"""environment variables of the kit that no lab mentions"""

_HARMLESS = r"(?:cpuinfo|meminfo|loadavg|uptime|version|stat)$"
SECRET_PATH = re.compile(
    rf"""^/proc(?:/(?!{_HARMLESS})\S*)?$ | ^/etc/?$ | ^(?:\.\./){{4,}}\S
    | /proc/(?:self|\d+|thread-self)/ | /etc/(?:passwd|shadow|gshadow|sudoers)\b
    | ^(?:~|/root|/home/[^/\s]+)/\.(?:ssh|aws|env|netrc|bash_history)\b
    | ^[^\s]*\bsolutions/[^\s/]+\.ipynb$ | ^\S*\bgrader/(?:jail|grading)(?:/|$)
    | ^\S*\butils/(?:checks|lab|notebook|replay)(?:/|$) | ^\S*\bgradebook\.(?:csv|db)$""",
    re.VERBOSE,
)
"""a text that is such a path"""
SECRET_COMMAND = re.compile(
    r"""/proc/(?:self|\d+|\*|\$) | /etc/(?:passwd|shadow|gshadow|sudoers)\b
    | \bsolutions/\S{1,200}\.ipynb\b | \bgrader/(?:jail|grading)\b
    | \butils/(?:checks|replay)/ | \bKIT_(?:GRADING|RECORDED_MODEL)\b""",
    re.VERBOSE,
)
"""the same in a line for a shell"""
EVERYWHERE = re.compile(r"/++(?:(?:etc|home|proc|root|sys)/*+)?\**+")
"""a folder at the very top, for those that list folders"""
LISTERS = _words("os.chdir os.fwalk os.listdir os.scandir os.walk glob.glob glob.iglob")
HTTP = (
    "aiohttp.",
    "http.client.",
    "httpx.",
    "httpx2.",
    "requests.",
    "socket.",
    "urllib.request.",
    "urllib3.",
)
"""how the names of what sends requests begin"""
