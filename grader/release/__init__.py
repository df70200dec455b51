"""From solutions to labs: what authors write becomes what students get.

notebook   a notebook as data: read, written, hashed
stubs      solution in, lab out: one pure function
exercises  which cells are exercises, and whether each has its solution marked
leaks      solutions that stand in a text, an output or a file that students get
rules      what every lab has, as sentences on what one lacks
compare    two notebooks in, words about their differences out
points     what the exercises of an executed solution earned
files      writing that never leaves half a file
course     which solutions a repository has, and where their labs are
labs       the two commands on labs: write them, check them
bundle     the students' repository
"""
