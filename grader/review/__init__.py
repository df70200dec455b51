"""The marking room: what a person should look at, with the cell beside what was asked of it, and decisions.

queue        who is to be looked at, why, and in which order
appeals      what students object to: ``appeals.csv``
people       students by name, or under names that say nothing
handed_in    an exercise's cells, read from the hand-in and never run
room         what is known of a class, read again when files change
look         one exercise of one student's with all that belongs to it
pages        HTML of it; every text is escaped
guard        who may come in
server       addresses, and what they do
command      ``grader review`` and ``grader adjust``
"""
