"""The kit in a notebook: ``setup``, ``check``, ``hand_in``, and what they need of the kernel they run in."""
