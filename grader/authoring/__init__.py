"""A new lab from templates: the smallest one that keeps every rule, for its author to grow.

new        which files a lab has, and writing them; ``*.jinja`` beside it is what is in them
cells      the template of a notebook: text in, cells out
"""
