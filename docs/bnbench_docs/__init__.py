"""The Sphinx extension of the site: what is not a page of `docs/` becomes one here.

Pages of `docs/` are plain Markdown that a forge shows as it is. They link to files of the repository. This extension
writes pages for the experiments, their reports and a few documents of the repository, and directs links to them. It may
import `bnbench`, which knows nothing about it.
"""
