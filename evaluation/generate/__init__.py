"""Cases made from the documents of a release: by templates, and by a served model."""
