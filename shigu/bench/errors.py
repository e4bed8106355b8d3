"""Why there is no figure.

BenchFailed         its message is shown, and the command ends with status 1
├── Busy            another benchmark runs
├── HandLost        a process of a side died or did not answer in time
└── NotTheSame      a side did not write what every side has to write
"""

from __future__ import annotations


class BenchFailed(Exception):
    """There is no figure."""


class Busy(BenchFailed):
    """Another benchmark is running in this folder; two at once would measure each other."""


class HandLost(BenchFailed):
    """A process of a side died or did not answer in time."""


class NotTheSame(BenchFailed):
    """A side did not write what every side has to write."""
