"""The answer of an experiment in words: what a reader sees first in every report, in a terminal and in a notebook.

`answer.make_answer` is the only entry; all places show what it returns. `facts` holds what is known, one module each
writes the sentences about the comparison, the learning rates, the cost in time, the further axes, and what is open.
"""
