"""Fresh cases for the checks of each lab, one module per lab, named by its slug.

A module has ``cases(rng)``, which builds a case of the lab's checks with values that nobody can know
beforehand. Nothing rests on secrecy of code: the questions are the ones that the notebook prints.
"""
