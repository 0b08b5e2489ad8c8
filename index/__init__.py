"""Index: from derived documents to a release that can be searched, published and rolled back.

Takes: derived documents (chunks with vectors) and the parent release. Gives: an immutable release:
segments, deleted rows, lexical index, document table, manifest.

- ``pipeline``: one ingestion run from plan to publish. ``derive``: the memoised steps of one document.
- ``build``: a candidate release. ``segment``, ``vectors``, ``lexical``, ``documents``: its files.
- ``release``: manifests, publish, rollback, diff, gc. ``gate``: integrity checks. ``lineage``: trace.
"""
