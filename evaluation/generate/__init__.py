"""Cases out of the documents: questions with their evidence, by templates or by a served model; proposals all of them.

``evaluation.generate.run.generate(environment, request) -> GenerateReport`` reads a release, drafts questions
(``english``, ``chinese``, ``rows``, ``unanswerable``, ``model_written``), checks each against the release
(``checking``) and writes those that pass into ``cases/``, where a person accepts or rejects them.
"""
