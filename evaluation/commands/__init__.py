"""The command line's words for evaluation."""
