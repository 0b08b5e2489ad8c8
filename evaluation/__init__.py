"""Evaluation: cases in, a verdict with intervals and a report out.

Takes a release (or two) that is open for answering and the cases of the workspace; gives results per case, metrics
with intervals, a paired comparison, the gate's verdict and a report that a person can open. What was judged before is
reused by fingerprint. Begin reading at ``evaluation.records``, then ``evaluation.running.evaluate`` and
``evaluation.comparing.compare``.
"""
