"""Evidence: what passages bear, of a question before an answer is made and of each sentence afterwards.

Takes texts and an embedder; gives scores from 0 to 1 and places of quotes. Nothing here writes or calls a server, but
``judges``, which ask a model.

- ``score``: the calibrated chance that passages answer a question. ``support``: that they support a sentence.
- ``sentences``: sentences and citation marks. ``terms``, ``numbers``, ``answer_kind``: what texts are compared by.
- ``texts``: passages as the scorers see them. ``calibration``: constants that were fitted on data, and on which.
"""
