"""The groups of commands of ``ragpress``, one module each; ``ragpress.cli`` puts them together."""
