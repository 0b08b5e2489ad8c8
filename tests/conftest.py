"""What all tests share: no test measures time, property tests neither."""

from hypothesis import settings

settings.register_profile("ragpress", deadline=None)
settings.load_profile("ragpress")
