"""Reports: one self-contained HTML page and its JSON, in English and Chinese."""
