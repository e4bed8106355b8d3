"""The server in a folder of ours, wanted by several processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shigu.kit import postgres

START = "import sys, pathlib; from shigu.kit import postgres; print(postgres.start(pathlib.Path(sys.argv[1])))"


def test_three_that_want_the_same_new_server_get_it(tmp_path: Path) -> None:
    """One of them makes it; to the others it is there already."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "pg"
    try:
        wanting = [
            subprocess.Popen([sys.executable, "-c", START, str(folder)], stdout=subprocess.PIPE)
            for _ in range(3)
        ]
        said = [process.communicate(timeout=60)[0].decode().strip() for process in wanting]
        assert [process.returncode for process in wanting] == [0, 0, 0]
        assert len(set(said)) == 1
        assert said[0].startswith("postgresql://")
    finally:
        postgres.stop(folder)
