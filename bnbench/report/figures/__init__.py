"""The figures of a report: one module a figure, with its data as a table, its drawing and its caption.

`gallery.draw_figures` finds every module of this folder that has a `FIGURE`; `spec` declares what a `FIGURE` is;
`layout` (panels, legend, note) and `style` (colors, axes, ticks) are shared by all. This room may import `results` and
the rooms below it.
"""
