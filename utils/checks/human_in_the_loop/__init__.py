"""Lab 4, "Ask before you act": its exercises and how each is judged.

``lab`` declares the exercises and the case; each exercise's checks are in a module named by its number.
What a tool did, and how often, is counted at the model's side, where each tool does its work by one request.
"""
