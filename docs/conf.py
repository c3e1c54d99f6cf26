"""Sphinx settings of the site. `make docs` builds it into docs/_build, without the network."""

import sys
from pathlib import Path

# The extension of this site, and the package whose commands and results it shows.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

project = "bnbench"
author = "The bnbench developers"
extensions = ["myst_parser", "sphinx_click", "bnbench_docs.extension"]
root_doc = "index"
# On a forge, README.md is the index of this folder. The site has index.md instead.
exclude_patterns = ["_build", "README.md", "bnbench_docs.extension"]
source_suffix = {".md": "markdown", ".ipynb": "notebook"}
nitpicky = True

myst_enable_extensions = ["colon_fence"]
# Links lead to headings as on a forge: by their text.
myst_heading_anchors = 4

html_theme = "furo"
html_title = "bnbench"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {
        # The colors of report.html.
        "color-brand-primary": "#005f9e",
        "color-brand-content": "#005f9e",
        "color-brand-visited": "#5b3f8c",
        "color-foreground-muted": "#5a5c63",
    },
    "dark_css_variables": {
        "color-brand-primary": "#79b8f3",
        "color-brand-content": "#79b8f3",
        "color-brand-visited": "#bba4e6",
        "color-foreground-muted": "#a3a5ad",
    },
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
