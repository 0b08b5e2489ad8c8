"""Serving: from a question and the passages that retrieval found to an answer whose citations were checked.

Takes: an open release with its searcher, a prompt version, a generator, a checker. Gives: answers, streamed or whole.

- ``types``: questions, answers, and the protocols of generators and checkers. ``generate``: what writes answers.
- ``chain``: the four steps of an answer (``runnable``: as LangChain Runnables; ``assemble``: its record).
- ``prompting``, ``standalone``, ``language``: what goes to a generator. ``evidence``: what passages bear.
- ``verify``, ``safe_text``, ``sentence_stream``, ``abstention``, ``notices``: what comes back, as it streams.
- ``terminal``: how ``ragpress ask`` and ``chat`` show answers.
"""
