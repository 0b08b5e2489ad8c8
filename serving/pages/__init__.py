"""The web pages and their assets, as files: no build step, no asset of another host."""
