"""Cases: reading and writing ``cases/``, importing them, looking up their evidence, reviewing them."""
