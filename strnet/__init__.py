"""Multi-task screening networks for bone loss on radiographs.

Every command of the command line is a function of the same name in `strnet.jobs`.
"""

__version__ = "0.1.0"
