"""The recorded model: conversations in YAML, replayed over real HTTP on the loopback address.

Nothing here knows LangGraph or LangChain. ``conversation`` holds the data, ``fixtures`` reads it from
files, ``matching`` finds the recorded reply to a request, ``wires`` speak a provider's protocol each,
``server`` serves them, ``recording`` makes new fixtures from a real provider.
"""
