"""Finds out why an answer was bad: where the right one is, how far it came along the chain, what stands against it."""
