"""The feedback loop: from a thumbs-down to a proven, published repair.

Takes answers and feedback out of the journals, a collection's releases and its sources. Gives bad cases
(:mod:`feedback.folding`), findings with their causes (:mod:`feedback.diagnose`), repairs that were proven in a scratch
release and published through the gate (:mod:`feedback.repairing`), and a worker that does all of it continuously and
goes back where it was wrong (:mod:`feedback.loop`).
"""
