"""What an operator should know of a collection: what is live, how it answers, what is wrong.

Takes the journals, the releases and the live release's document table; gives an
:class:`~serving.overview.records.Overview`. Figures that were not measured are None, never 0.

- ``records``: what is given.
- ``facts``: the few columns of the journals that figures are made of; ``kept``: kept from one look to the next.
- ``buckets``: the edges of the stretches of time that plots show, in the reader's time zone.
- ``quality``: counts, percentiles, tokens and cost per bucket and per release.
- ``history``: the releases; ``runs``: the ingestion runs; ``sources``: the documents.
- ``cases``: answers with thumbs down; ``suspects``: which documents they may be the fault of.
- ``problems``: what an operator should look at; whether the live release does worse than the one before.
- ``build``: reads all of it and puts it together.
"""
