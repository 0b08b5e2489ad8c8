"""Running cases against a release: resumable, incremental, an error in one case is data."""
