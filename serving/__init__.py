"""Serving: from a question and the passages that retrieval found to an answer whose citations were checked.

Takes: an open release with its searcher, a prompt version, a generator, a checker. Gives: answers, streamed or whole.

- ``types``: questions, answers and the protocols of generators and checkers. ``generate``: what writes answers.
- ``chain``: the steps of an answer as a LangChain Runnable. ``support``, ``abstain``: what the evidence bears.
"""
