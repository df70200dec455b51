# ruff: noqa
# Everything right, with what happens to people: a prompt left in, a stray exit(), a first try kept.
# (make/samples.py adds what happens to files: a check pasted twice, all metadata lost.)

# %% 1.1 as in the solution
# %% first
name = input("Your name, please: ")


# %% 1.2
def ask(agent, thread_id: str, text: str) -> str:
    # first try, gives the list of blocks
    return agent.invoke({"messages": [("user", text)]}, thread(thread_id))["messages"][-1].content


# %% 1.3 as in the solution
# %% 1.5 as in the solution
# %% 1.4 as in the solution
# %% 1.6 as in the solution
# %% last
def ask(agent, thread_id: str, text: str) -> str:
    return agent.invoke({"messages": [("user", text)]}, thread(thread_id))["messages"][-1].text


# %% last
exit()
