"""Groups of commands of ``ragpress``, a module each; ``ragpress.cli`` puts them together and says how a workspace is
opened. A command parses its arguments, calls one function of a stage and hands what it returns to ``ragpress.console``.
"""
