"""The worker: watches sources and feedback, does the rest continuously, watches what it published and goes back."""
