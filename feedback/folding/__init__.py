"""Folds ratings, comments, corrections and weak signals into bad cases: the same problem reported twice is one."""
