"""The HTTP service: OpenAI-compatible chat, retrieval, feedback, documents, releases, pages, operations.

Takes a :class:`~serving.api.service.Service`; gives a FastAPI application (``app.create_app``). A module per family of
endpoints, each with a ``router``; ``errors`` is the one place where exceptions become answers; ``callers`` the one
where a request becomes a caller.
"""
