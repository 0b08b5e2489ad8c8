"""The journals of answers and feedback: durable before anything is acknowledged, found again by any process.

- ``records``: what is kept.
- ``answers``: :class:`~serving.journal.answers.AnswerJournal`: write, find, list, and what used a document.
"""
