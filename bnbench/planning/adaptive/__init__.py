"""Adaptive designs: which training comes next, given the outcomes of those before.

A design has up to three stages at each value of the further axes. It chooses the best rate of each variant, then
searches for the edges, then judges the claims on seeds that no earlier stage has used. `designer` offers the next
trials, `record` keeps what was decided, and both know nothing about files or processes.
"""
