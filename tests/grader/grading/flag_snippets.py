"""Code for the scan: what honest people write, for each kind what only others need, and bombs."""

from __future__ import annotations

HOME = "/".join(("", "home", "anna"))

HONEST = {
    "comparing fields": """
class Place:
    def __eq__(self, other):
        if not isinstance(other, Place):
            return NotImplemented
        return self.name == other.name
    def __ne__(self, other):
        return not self == other
    def __hash__(self):
        return hash(self.name)""",
    "a slip in a comparison": "class P:\n    def __eq__(self, other):\n        return self.x == oter.x",
    "never equal": "class P:\n    def __eq__(self, other):\n        return False",
    "a stub": "class P:\n    def __eq__(self, other):\n        raise NotImplementedError",
    "getattr": "name = 'text'\n"
    "print(getattr(message, 'tool_calls', []), getattr(message, name), hasattr(x, name))",
    "a method by a name put together": "getattr(self, 'visit_' + kind)(node)\ngetattr(self, f'on_{kind}')()",
    "environment": "import os\nprint(os.environ['HOME'], os.getenv('OPENAI_API_KEY'), os.environ.get('X'))",
    "environment set": "import os\nos.environ['X'] = '1'\nos.environ.update(Y='2')\ndel os.environ['X']",
    "environment handed on": "import os\nenv = {**os.environ, 'A': 'b'}\nenv2 = os.environ.copy()",
    "environment printed": "import os\nfor k, v in os.environ.items():\n    print(k, v)\nprint(os.environ)",
    "a stray exit": "import sys\nexit()\nquit()\nsys.exit(0)\nraise SystemExit",
    "signature": "import inspect\nprint(inspect.signature(f), inspect.getsource(f), inspect.getmembers(f))",
    "own name": "import inspect, sys\n"
    "print(inspect.currentframe().f_code.co_name, sys._getframe().f_code.co_name)",
    "own name from the stack": "import inspect\nprint(inspect.stack()[0][3], inspect.stack()[0].function)",
    "json": "import json\nprint(json.dumps({'a': 1}, default=str))",
    "json's fallback": "import json\njson.JSONEncoder.default = lambda self, o: str(o)",
    "a program": """
import os, subprocess, sys
code = "import os; os._exit(1)"
print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
p = subprocess.Popen(["sleep", "9"])
p.kill()
p.terminate()
os.kill(p.pid, 9)""",
    "files": "open('notes.txt', 'w').write('x')\nopen('../data/x.csv').read()",
    "files at home": f"open('{HOME}/labs/trip.db')\nopen('/content/x.db')",
    "paths": "from pathlib import Path\nPath('..').resolve()\nlist(Path('.').glob('*.db'))\n"
    "Path.home() / 'x'",
    "folders": "import os, glob\nos.listdir('.')\nos.walk('data')\nglob.glob('*.ipynb')\nos.chdir('..')",
    "sqlite": """
import sqlite3
c = sqlite3.connect('/tmp/trip.db', check_same_thread=False)
c.row_factory = sqlite3.Row
print(c.execute("select name from sqlite_master").fetchall())""",
    "a newer sqlite": "import sys\n__import__('pysqlite3')\n"
    "sys.modules['sqlite3'] = sys.modules.pop('pysqlite3')",
    "asyncio": "import asyncio\nasyncio.run(main())\nawait asyncio.gather(a(), b())\nasync with x as y:\n"
    "    pass",
    "nested loops": "import nest_asyncio\nnest_asyncio.apply()",
    "logging": "import logging\nlogging.basicConfig(level='INFO')\n"
    "logging.getLogger('x').setLevel(logging.ERROR)",
    "raise no log errors": "import logging\nlogging.raiseExceptions = False\n"
    "logging.Logger.manager.disable = 10",
    "warnings": "import warnings\nwarnings.filterwarnings('ignore')\nwarnings.showwarning = lambda *a: None",
    "magics": "%pip install -q langgraph\n%matplotlib inline\n!ls -la\nx = !pwd\nfiles = %sx ls\n?print\n"
    "print??",
    "magics within": "if x:\n    !pip install pandas\n    %time y = 2\nfor i in range(3):\n"
    "    %timeit -n 1 f()",
    "a cell magic": "%%time\nagent.invoke({'messages': []})",
    "a file written": "%%writefile tool.py\nimport ctypes, gc\ngc.get_objects()",
    "a look around": "!cat /proc/cpuinfo /etc/os-release; ls / ; echo $HOME; df -h",
    "plots": "import matplotlib.pyplot as plt\nplt.rcParams['figure.figsize'] = (1, 2)\nplt.style.use('x')",
    "pandas": "import pandas as pd\npd.options.display.max_rows = 5\npd.set_option('x', 1)\n"
    "pd.DataFrame.x = f",
    "langchain's settings": """
import langchain
from langchain.globals import set_debug
from langchain_core.caches import InMemoryCache
langchain.debug = True
langchain.verbose = False
langchain.llm_cache = InMemoryCache()
set_debug(True)""",
    "keys": "import openai, os\nopenai.api_key = os.environ['OPENAI_API_KEY']\nopenai.base_url = f()",
    "a client of one's own": """
import os, httpx
from openai import OpenAI
client = OpenAI(base_url=os.environ['OPENAI_BASE_URL'], http_client=httpx.Client(timeout=9))
client.chat.completions.create(model='gpt-4o', messages=[])
os.environ['OPENAI_BASE_URL'] = 'http://localhost:11434/v1'""",
    "the weather": "import requests\nprint(requests.get('https://api.open-meteo.com/v1/forecast').json())",
    "show all": "from IPython.core.interactiveshell import InteractiveShell\n"
    "InteractiveShell.ast_node_interactivity = 'all'",
    "the shell": "ip = get_ipython()\nip.run_line_magic('pip', 'list')\nip.system('ls')\n"
    "if 'x' in ip.user_ns:\n    pass",
    "pictures": "from IPython.display import Image, display\n"
    "display(Image(graph.get_graph().draw_mermaid_png()))",
    "stdout": "import sys, io\nold = sys.stdout\nsys.stdout = io.StringIO()\nsys.stdout = old\n"
    "sys.stdout.flush()",
    "path": "import sys\nsys.path.append('..')\nsys.path.insert(0, '../..')\nsys.setrecursionlimit(5000)",
    "random": "import random, uuid\nrandom.seed(1)\nuuid.uuid4()",
    "threads": "import threading\nt = threading.Thread(target=f)\nt.start()\nt.join()\n"
    "threading.excepthook = g",
    "processes": "import multiprocessing as mp\nwith mp.Pool(2) as pool:\n    pool.map(f, [1])",
    "tidying up": "import atexit, gc\natexit.register(connection.close)\ngc.collect()",
    "errors": "import traceback, sys\ntry:\n    f()\nexcept Exception as e:\n    traceback.print_exc()\n"
    "    print(sys.exc_info(), e.__traceback__.tb_lineno, e.__cause__)",
    "a calculator": """
def calculate(expression: str, a=1, b=2):
    return eval(expression), eval(f"{a} + {b}", {"__builtins__": {}}), eval(a + '+' + b)""",
    "code of a model": "exec(compile(response.content, '<answer>', 'exec'), {})\nexec(source.strip())",
    "base64": "import base64\nprint(base64.b64encode(png).decode())\nurl = base64.b64decode(text)\n"
    "open('x', 'wb').write(url)",
    "pickle": "import pickle\nassert pickle.loads(pickle.dumps(state)) == state",
    "versions": "import importlib\nfor m in ['langgraph', 'openai']:\n"
    "    print(importlib.import_module(m).__version__)\n"
    "importlib.reload(m)",
    "backwards": "name = rows[::-1]\nfor r in reversed(name):\n    print(getattr(r, 'id'), str(r)[::-1])",
    "own tests": """
import unittest
from unittest import mock
from unittest.mock import patch, MagicMock
class Mine:
    def ask(self): ...
with patch.object(Mine, 'ask', return_value=1), patch('builtins.input', return_value='y'):
    pass
with patch('builtins.print') as p, patch.dict('os.environ', {'A': 'b'}), mock.patch('__main__.f'):
    pass
unittest.main(argv=[''], exit=False)""",
    "a person": "import builtins\nbuiltins.input = lambda prompt='': 'yes'\ninput = lambda prompt: 'no'",
    "own names": "list = [1]\nprint = 3\ninput = 'x'\nstr = 's'\ndef open(): ...\nopen()",
    "own attributes": """
class Agent:
    def __init__(self): self.graph = None
    def __getattr__(self, name): return getattr(self.graph, name)
agent = Agent()
agent.graph = 1
Agent.extra = lambda self: 2
setattr(agent, 'x', 1)
agent.__dict__['y'] = 2""",
    "a class of the kit's name": """
from utils.agent import Agent
class Agent(Agent): ...
Agent.take_action = lambda self, state: state""",
    "a picture of one's own": """
from utils.views import checkpoint_tree, gantt, approval_card
def draw(graph, config):
    return checkpoint_tree(graph.get_state_history(config))
show = lambda calls: gantt({'mine': calls})
approval_card(graph, config)""",
    "the class of the notes": """
class Agent:
    def __init__(self, model): self.graph.add_node('llm', self.call_model)
agent = Agent(model)
agent.call_model({})""",
    "the labs' imports": """
from utils import check, setup, hand_in
from utils.agent import Agent
from utils.views import checkpoint_tree
from utils.notebook.kit import Kit
from utils.notebook.check import check
kit = setup('01_persistence')
check('1.1')""",
    "a bound model": "bound = model.bind(stop=['x']).bind_tools(tools)\nmodel.bind_tools = None",
    "globals": "print('agent' in globals(), locals().get('x'), vars(agent))\nglobals()['x'] = 1",
    "memory": "import resource, psutil\nresource.getrusage(resource.RUSAGE_SELF)\n"
    "psutil.Process().memory_info()",
    "prompts": 'SYSTEM = "Never read /etc/hosts or /proc. Use solutions/ and grader."\n"/proc/self/maps"\n'
    "def f():\n    '/etc/passwd'",
    "no Python": "def f(:\n  os._exit(",
    "prose": "This is what I thought about the question.",
    "escapes": r"import re; re.compile('\d+\w')",
    "nothing": "",
    "a long text": f"TEXT = '''{'Oslo is a city. ' * 2000}'''",
    "a long table": f"ROWS = [{'(1, 2.5, None), ' * 400}]",
    "a long sum": f"total = {' + '.join(['1'] * 400)}",
}

ATTACKS = {
    "shell-internals": [
        "ip = get_ipython()\nip.ast_transformers.append(X())",
        "from IPython import get_ipython as g\nshell = g()\nshell.events.register('post_run_cell', f)",
        "import IPython\nIPython.get_ipython().set_custom_exc((Exception,), f)",
        "from IPython.core.interactiveshell import InteractiveShell as I\nI.run_cell = f",
        "get_ipython().user_ns['check'] = f",
        "import sys as s\ns.displayhook = print",
        "getattr(get_ipython(), 'run_' + 'cell')('1')",
        "def f(x):\n    x.input_transformers_post.append(1)",
        "type(get_ipython()).showtraceback = f",
        ">>> get_ipython().run_cell('1')\n!ls",
    ],
    "looks-around": [
        "import gc\nx = 1\nprint(gc.get_objects())",
        "import gc as g\nf = g.get_referrers\nf(1)",
        "from sys import _getframe as f\nf(1)",
        "import gc\ngetattr(gc, 'get_objects')()",
        "__import__('gc').get_objects()",
        "import importlib\nimportlib.import_module('inspect').stack()",
        "import sys\nsys.modules['gc'].get_objects()",
        "import gc\ngc.__dict__['get_objects']()",
        "import gc\nvars(gc)['get_objects']()",
        "import gc\nh = gc\nh.get_objects()",
        "import gc\n(h := gc).get_objects()",
        "from gc import *\nget_objects()",
        "().__class__.__base__.__subclasses__()",
        "try:\n    1/0\nexcept Exception as e:\n    e.__traceback__.tb_frame",
        "import inspect\nframe = inspect.currentframe()\nframe.f_back",
        "getattr(x, 'f_globals')",
        "exec('import gc; gc.get_objects()')",
        "%time __import__('gc').get_objects()",
        "%%capture\nimport gc\ngc.get_objects()",
        "import sys\ndef f():\n    return sys._current_frames()",
    ],
    "reads-system": [
        "open('/proc/self/environ').read()",
        "pid = 1\nopen(f'/proc/{pid}/mem')",
        "from pathlib import Path\nPath('/') / 'proc'",
        "from pathlib import Path as P\nlist(P('/').rglob('*'))",
        "import os\nlist(os.walk('/'))",
        "from os import listdir as l\nl('/')",
        "import glob as g\ng.glob('/*')",
        "import os\nos.system('cat /etc/shadow')",
        "!cat /proc/1/environ",
        "%%bash\nls\ncat /etc/passwd",
        "open('../solutions/01_persistence.ipynb')",
        "open('/work/utils/checks/persistence/lab.py')",
        "open('../../../../../secret')",
        f"open('{HOME}/.ssh/id_rsa')",
    ],
    "asks-if-graded": [
        "import os\nif os.environ.get('KIT_GRADING'):\n    cheat()",
        "from os import getenv as g\ng('KIT_GRADING')",
    ],
    "patches-library": [
        "import langgraph.pregel as p\np.Pregel.invoke = f",
        "from langgraph.graph import StateGraph as S\nS.compile = f",
        "import json\njson.loads = f",
        "import builtins as b\nb.isinstance = lambda *a: True",
        "__builtins__.isinstance = f",
        "__builtins__['print'] = f",
        "import sys\nsys.modules['langgraph'] = X()",
        "import asyncio\nsetattr(asyncio, 'run', f)",
        "import httpx\nc = httpx.Client\nc.send = f",
        "from unittest.mock import patch as p\np('langgraph.graph.StateGraph').start()",
        "from unittest import mock\nimport json\nmock.patch.object(json, 'dumps').start()",
        "from utils.agent import Agent\nAgent.take_action = f",
        "import socket\nsocket.__dict__['socket'] = f",
        "import operator\ndel operator.add",
        "from langgraph.graph import StateGraph\nStateGraph.compile.__code__ = f.__code__",
    ],
    "imports-the-kit": [
        "import utils.checks.persistence",
        "from utils.checks.persistence.lab import LAB as lab",
        "from utils import checks as c",
        "from grader.jail import runner",
        "import utils as u\nu.replay.server",
        "import importlib\nimportlib.import_module('utils.notebook.inprocess')",
        "from utils.notebook.check import Checker",
    ],
    "leans-on-the-kit": [
        "from utils.views import approval_card\ndef approve(agent, id):\n    approval_card(agent, id)",
        "import utils.views as v\nasync def measure(stream):\n    async for _ in v.token_watch(stream): pass",
        "from utils import studio\ndef ask(agent, config, text):\n    return studio(agent, config).ask(text)",
        "from utils.views.timeline import figures\nmeasure = lambda stream: figures(stream)",
        "from utils.agent import Agent\nk = Agent(model, tools)\ng.add_node('agent', k.acall_model)",
        "from utils.agent import Agent\ng.add_node('action', Agent(model, tools).take_action)",
    ],
    "equal-to-everything": [
        "class A:\n    def __eq__(self, other):\n        return True",
        "class A(str):\n    def __eq__(self, o): return 1 == 1\n    __hash__ = str.__hash__",
        "class A:\n    __eq__ = lambda self, other: True",
        "A = type('A', (), {'__eq__': lambda s, o: True})",
        "class A:\n    def __ne__(self, other):\n        return False",
        "class M(type):\n    def __instancecheck__(cls, x):\n        return True",
        "class A:\n    @property\n    def __class__(self):\n        return str",
        "setattr(A, '__eq__', lambda a, b: True)",
        "x.__class__ = str",
    ],
    "ends-process": [
        "import os\nos._exit(0)",
        "from os import _exit as e\ne(0)",
        "import os as o, signal\no.kill(o.getpid(), signal.SIGKILL)",
        "import os\nos.kill(os.getppid(), 9)",
        "import signal\nsignal.raise_signal(9)",
        "import os\ngetattr(os, 'abort')()",
    ],
    "low-level": [
        "import ctypes",
        "from ctypes import string_at as s\ns(0)",
        "c = __import__('ctypes')",
        "import os\nos.write(5, b'x')",
        "from os import fork as f\nf()",
        "import socket as s\ns.socket(fileno=3)",
        "import sys\nsys.settrace(f)",
        "import resource\nresource.setrlimit(1, (1, 1))",
        "from signal import signal as s, SIGALRM\ns(SIGALRM, f)",
        "open(4, 'wb')",
    ],
    "hides-code": [
        "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))",
        "import base64 as b\nd = b.b64decode('eA==')\nexec(d)",
        "from codecs import decode as d\neval(d('cevag(1)', 'rot13'))",
        "exec(bytes.fromhex('7072').decode())",
        "exec(''.join(map(chr, [112, 114])))",
        "e = exec\ne('im' + 'port gc')",
        "__import__('s' + 'ys')",
        "getattr(x, '__' + 'subclasses__')",
        "import marshal\nmarshal.loads(b'x')",
        "eval(')1(tnirp'[::-1])",
        "__builtins__.eval('cevag'.encode().decode('rot13'))",
        "import importlib\nimportlib.import_module(''.join(['g', 'c']))",
    ],
    "network-listener": [
        "import socket\ns = socket.socket()\ns.bind(('', 80))",
        "from socket import create_server as c\nc(('', 80))",
        "import http.server as h\nh.HTTPServer(('', 80), X)",
        "import asyncio as a\nawait a.start_server(f)",
    ],
    "talks-to-the-model": [
        "import httpx, os\nhttpx.post(os.environ['OPENAI_BASE_URL'] + '/chat/completions', json={})",
        "import requests as r, os\nurl = os.environ['OPENAI_BASE_URL']\nr.post(url)",
        "import httpx\nwith httpx.Client() as c:\n    c.post('http://localhost:8080/v1/chat/completions')",
        "from urllib.request import urlopen as u\nu('http://127.0.0.1:8080/v1/messages', data=b'')",
    ],
    "not-looked-at": [
        "-" * 20_000 + "1",
        "x = 1\n" * 20_000,
        "a" + ".a" * 20_000,
        "import a" + ".a" * 5_000,
        "not " * 12_000 + "1",
    ],
}

BOMBS = {
    "nothing but minus": "-" * 49_000 + "1",
    "not": "not " * 12_000 + "1",
    "await": "await " * 8_000 + "x",
    "lambda": "lambda:" * 7_000 + "1",
    "lambdas, not too deep": "lambda: " * 60 + "(" + "a.b," * 11_000 + ")",
    "ternaries": "1 if 1 else " * 4_000 + "1",
    "powers": "1**" * 16_000 + "1",
    "sums": "1+" * 24_000 + "1",
    "attributes": "a" + ".a" * 24_000,
    "attributes, not too deep": ("a" + ".a" * 900 + "\n") * 27,
    "calls": "a" + "()" * 24_000,
    "calls, not too deep": ("a" + "()" * 900 + "\n") * 27,
    "subscripts": ("a" + "[0]" * 600 + "\n") * 27,
    "brackets": "(" * 25_000 + ")" * 24_000,
    "brackets, not too deep": ("(" * 80 + "a" + ")" * 80 + "\n") * 300,
    "braces": "{" * 49_000,
    "f-strings": "f'{" * 16_000,
    "many f-strings": 'f"{a}" ' * 7_000,
    "elif": "if a: pass\n" + "elif a: pass\n" * 3_800,
    "indented": "".join(" " * n + "if a:\n" for n in range(99)) + " " * 99 + "a",
    "targets": "a=" * 24_000 + "base64.b64decode(a)",
    "targets of a big value": "a=" * 12_000 + "[" + "a," * 12_000 + "]",
    "walrus": ("(a:=" * 80 + "1" + ")" * 80 + "\n") * 120,
    "names that grow": "import a\n" + "a = a.b\n" * 6_000,
    "texts that grow": "".join(f"a{n} = 'x' + 'y' * 9\n" for n in range(2_000)),
    "sums of texts": ("getattr(a, " + "'a'+" * 500 + "'a')\n") * 20,
    "joined": "eval(" + "'a'+" * 2_000 + "'a')",
    "exec in exec": ("exec(" * 60 + "'exec(1)'" + ")" * 60 + "\n") * 120,
    "texts run": "exec('import gc')\n" * 2_800,
    "requests in requests": "import httpx\n" + ("httpx.get(" * 60 + ")" * 60 + "\n") * 65,
    "imports": "import a" + ".a" * 24_000,
    "imports over lines": "from a" + ".\\\na" * 12_000 + " import b",
    "imports one by one": "import a.b.c\n" * 3_800,
    "comparisons": "class A:\n def __eq__(s, o): return True\n" * 1_000,
    "comparisons in comparisons": "".join(
        f"{' ' * n}{'class A:' if n % 2 == 0 else 'def __eq__(s, o):'}\n" for n in range(98)
    )
    + (" " * 98 + "a;a;a;a;a;a\n") * 300,
    "paths": "open('" + "solutions/" * 4_000 + "')",
    "many paths": "'/proc/1/x';a='/solutions/'\n" * 1_700,
    "magics": "%a\n" * 16_000,
    "a magic that goes on": "!a \\\n" * 9_000,
    "spaces before magics": " " * 49_000 + "%",
    "names before magics": "a, " * 16_000 + "!",
    "dots before help": "." * 49_000,
    "blank lines": "\n" * 49_999,
    "carriage returns": "\r" * 49_999,
    "null bytes": "a=1\0" * 12_000,
    "surrogates": "a = '\ud800'",
    "digits": "1" * 49_000,
    "too large a cell": "a\n" * 5_000_000,
    "a sum of 100,000 terms": "1+" * 100_000 + "1",
    "names with dots": "a" + ".b.c" * 12_000,
    "functions in functions": "".join(f"{' ' * n}def f{n}(a):\n" for n in range(99)) + " " * 99 + "pass",
    "many functions": "def f(a): return a\n" * 2_600,
    "lambdas in lambdas": ("(" + "lambda a: " * 50 + "a)\n") * 95,
    "f-strings in f-strings": ("f'{" + 'f"{' + "a" + '}"' + "}'\n") * 3_800,
    "a long text": "a = '" + "x" * 49_000 + "'",
    "many long texts": ("a = '" + "x" * 900 + "'\n") * 50,
    "hexadecimal digits": "a = 0x" + "f" * 49_000,
    "bytes": "a = b'" + "\\x00" * 12_000 + "'",
    "decorators": "@a\n" * 16_000 + "def f(): pass",
    "decorators that call": "@a.b(c)\n" * 6_000 + "class C: pass",
    "comprehensions": ("[" * 60 + "a" + " for a in b]" * 60 + "\n") * 55,
    "loops of a comprehension": "[a" + " for a in b" * 4_400 + "]",
    "lines that go on": "a = 1 + \\\n" * 4_900 + "1",
    "lines that go on and on": "\\\n" * 24_000 + "a",
    "tiny statements": "a;" * 25_000,
    "tiny lines": "a\n" * 25_000,
    "tabs": "\t" * 49_000 + "a",
    "tabs and form feeds": "\x0c\t" * 24_000 + "a = 1",
    "form feeds": "a = 1\n\x0c" * 7_000,
    "spaces before no magic": " " * 49_000 + "a b",
    "names before no magic": "a, " * 16_000 + "b c",
    "spaces before no help": " " * 24_000 + "a" + " " * 24_000 + "b",
    "slashes": "import os\nos.listdir('" + "/" * 49_000 + "x')",
    "solutions in a shell": "!" + "solutions/" * 4_900,
    "solutions in many lines": ("!" + "solutions/" * 49 + "\n") * 100,
    "decode": "import base64\neval(base64." + "decode" * 8_000 + "(a))",
    "signals": "import os\n" + ("os.kill(" * 60 + "[" + "a," * 9_000 + "]" + ",9)" * 60 + "\n") * 2,
    "blocks in blocks": "".join(
        f"{' ' * n}{('with a:', 'try:', 'for a in b:', 'while a:')[n % 4]}\n" for n in range(19)
    ),
    "cases": "match a:\n" + "  case [b, *_]: pass\n" * 2_300,
    "excepts": "try: a\n" + "except b: c = 1\n" * 3_000,
    "targets in targets": ("(" * 60 + "a" + ",)" * 60 + " = b\n") * 260,
    "letters of many kinds": "a\u037e\u2028\x0c\x1c = \U0001f40d\n" * 5_000,
}
