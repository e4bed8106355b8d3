"""Schedulers whose messages come to harm on the way, to show that it does not matter."""

from __future__ import annotations

import os
from pathlib import Path

from shigu.clock.kinds import Kind
from shigu.fleet.posting import Post
from shigu.fleet.scheduler import Scheduler


class DroppingPost(Post):
    """While the file is there, hints are lost as if they had been sent."""

    def send(self, kind: Kind) -> bool:
        return True if Path(os.environ["LOSSY_FILE"]).exists() else super().send(kind)


class DoublingPost(Post):
    """Each hint twice and once more."""

    def send(self, kind: Kind) -> bool:
        sent = [super(DoublingPost, self).send(kind) for _ in range(3)]
        return all(sent)


class Dropping(Scheduler):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.post = DroppingPost()


class Doubling(Scheduler):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.post = DoublingPost()
