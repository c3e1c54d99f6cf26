"""Our figures next to those of a source: one module for each kind that `config.source_figures` lists.

`gallery.draw_source_figures` finds every module of this folder that has a `KIND`; `spec` declares what a `KIND` is;
`panels` (size, notes, lines of a mean and its seeds) is shared by all.
"""
