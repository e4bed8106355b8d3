"""`python -m shigu.fleet.deploying.within FILE COMMAND …`: a command, with what an environment file says.

So that nobody has to read a file of passwords into a shell; what is set already wins.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from shigu.fleet.deploying.environment import read


def main(arguments: list[str]) -> int:
    """Become the command; status 2 and a sentence where that cannot be."""
    if len(arguments) < 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    file, *command = arguments
    try:
        os.execvpe(command[0], command, read(Path(file)) | os.environ)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{file}, {command[0]}: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
