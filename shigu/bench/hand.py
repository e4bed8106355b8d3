"""One process of a side: `python -m shigu.bench.hand module:function`, started by `crew`.

Sets Django up, connects, says that it is ready; then one JSON job a line in, one JSON answer a line
out, until there is no more. Whatever else prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import TextIO

import django


def main() -> None:
    """Answer jobs until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    django.setup()
    module, _, name = sys.argv[1].partition(":")
    role = getattr(import_module(module), name)
    import_module("django.db").connection.ensure_connection()
    _say(answers, {})
    for line in sys.stdin:
        _say(answers, role(json.loads(line)))


def _say(answers: TextIO, answer: object) -> None:
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
