"""A served model that judges answers: an option beside the deterministic metrics, never mixed with them."""
