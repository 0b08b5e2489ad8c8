"""The worker: round after round of the feedback loop, the watch over what it published, and what it tells.

Takes a collection with its journals, releases and sources. Gives releases with proven repairs, or findings that wait
for a person, and goes back where what it published turned out worse. Begin with :mod:`feedback.loop.round`.
"""
