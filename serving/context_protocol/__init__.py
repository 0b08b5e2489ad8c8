"""The Model Context Protocol server: documents as tools for agents.

- ``tools``: what the tools do: :class:`~serving.context_protocol.tools.DocumentTools`.
- ``records``: what they return.
- ``server``: the same over the protocol, by the official SDK.
"""
