"""Lab 3, "Do ten things at once": its exercises and how each is judged.

``lab`` declares the exercises and the case; each exercise's checks are in a module named by its number.
What runs at the same time is seen at the model's side, by gates that make requests wait for each other:
no check looks at a clock.
"""
