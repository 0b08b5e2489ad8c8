"""What the service tells of itself: Prometheus metrics, OpenTelemetry spans, structured logs, readiness.

- ``telemetry``: :class:`~serving.telemetry.telemetry.Telemetry`, the one object that endpoints talk to.
- ``metrics``: counters and histograms of this process, summed over the worker processes when they are scraped.
- ``scrape``: what is read from the workspace when somebody scrapes: index age, ingestion, gate verdicts.
- ``spans``: spans of a request, an answer, its retrieval and its generation; ``tracing`` sets the SDK up.
- ``logs``: one line an event, whatever the values hold; ``requests``: one line a request.
- ``readiness``: whether this worker would answer a question now.

Nothing here raises into a request, and nothing here tells a question, an answer or a document's text unless
``[telemetry] trace_content`` says so.
"""
