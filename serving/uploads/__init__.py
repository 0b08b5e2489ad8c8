"""Documents that come over HTTP: the managed source folder and the jobs that ingest it."""
