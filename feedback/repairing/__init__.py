"""Turns findings into repairs: proven in a scratch release, joined into one candidate, published by the policy."""
