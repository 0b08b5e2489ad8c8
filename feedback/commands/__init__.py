"""The commands ``ragpress diagnose``, ``repair`` and ``worker``."""
