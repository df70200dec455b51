"""Lab 1, "Keep the conversation": its exercises and how each is judged.

``lab`` declares the exercises and the case; each exercise's checks are in a module named by its number.
"""
