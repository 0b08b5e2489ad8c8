"""Documents as callers see them: what a release has of them, as far as a caller may read it.

Takes releases and principals; gives lists, details, passages and originals. What a caller may not read does not exist.
"""
