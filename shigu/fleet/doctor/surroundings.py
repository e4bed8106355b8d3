"""What a process leans on besides its database: zone data, storage, collected files, mail, broker, Redis."""

from __future__ import annotations

import filecmp
import shutil
import smtplib
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.mail import get_connection
from django.utils.translation import gettext as _

from shigu.fleet import lines
from shigu.fleet.doctor.finding import Finding, well, wrong

LEAST_FREE = 500 * 1024 * 1024
PATIENCE = 5
SMTP = "django.core.mail.backends.smtp.EmailBackend"


def look() -> Iterator[Finding]:
    """One after the other."""
    yield _zone()
    yield from map(_storage, sorted(_written()))
    yield _static()
    yield _mail()
    yield _line("broker", settings.CELERY_BROKER_URL, "celery", lines.ask_broker)
    yield _line("redis", settings.REDIS_URL, "redis", lines.ask_redis)


def _zone() -> Finding:
    name = settings.TIME_ZONE
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        todo = _("Correct SHIGU_ZONE, or install Python's tzdata.")
        return wrong("time zone", _("Python does not know %(zone)s") % {"zone": name}, todo)
    return well("time zone", _("Python knows %(zone)s") % {"zone": name})


def _written() -> set[Path]:
    """Where this process writes. In a container no more than this may be writable."""
    var, folders = Path(settings.VAR_DIR), {Path(settings.MEDIA_ROOT)}
    if not settings.REDIS_URL:
        folders.add(var)  # the home page is built there
    if settings.METRICS:
        folders.add(var / "metrics")
    return folders


def _storage(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        said = f"{folder}: {error.strerror}"
        return wrong("storage", said, _("Give it to the user that the shop runs as (SHIGU_VAR)."))
    said = _("%(folder)s can be written, %(free)d MB are free")
    said %= {"folder": folder, "free": free // 1024**2}
    if free < LEAST_FREE:
        return wrong("storage", said, _("Make room: uploads and logs are kept there."))
    return well("storage", said)


def _static() -> Finding:
    if settings.WHITENOISE_USE_FINDERS:
        return well("static files", _("served from the source"))
    root = Path(settings.STATIC_ROOT)
    behind = [path for path, source in _sources() if not _is_same(root / path, source)]
    if behind:
        said = _("%(count)d files are not collected, such as %(name)s")
        said %= {"count": len(behind), "name": behind[0]}
        return wrong("static files", said, _("Collect them: shigu collectstatic --noinput"))
    return well("static files", _("collected"))


def _sources() -> Iterator[tuple[str, Path]]:
    """Of two files with one name the first is served."""
    seen = set()
    for finder in get_finders():
        for path, storage in finder.list([]):
            if path not in seen:
                seen.add(path)
                yield path, Path(storage.path(path))


def _is_same(collected: Path, source: Path) -> bool:
    return collected.exists() and filecmp.cmp(collected, source, shallow=False)


def _mail() -> Finding:
    """A greeting and, where one is set, the sign-in; nothing is sent."""
    if settings.EMAIL_BACKEND != SMTP:
        backend = settings.EMAIL_BACKEND.rpartition(".")[2]
        said = _("goes to %(backend)s, to nobody's mailbox") % {"backend": backend}
        if not settings.PRODUCTION:
            return well("mail", said)
        return wrong("mail", said, _("Set SHIGU_EMAIL_BACKEND=%(smtp)s") % {"smtp": SMTP})
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        server = get_connection(timeout=PATIENCE)
        server.open()
        server.close()
    except (OSError, smtplib.SMTPException) as error:
        said = f"{where}: {type(error).__name__}"
        return wrong("mail", said, _("Look at SHIGU_SMTP_HOST, _PORT, _USER, _PASSWORD and _TLS."))
    return well("mail", _("%(where)s greets us") % {"where": where})


def _line(topic: str, url: str, package: str, ask: Callable[[], None]) -> Finding:
    if not url:
        return well(topic, _("none is set: this machine does it by itself"))
    if find_spec(package) is None:
        said = _("the package %(name)s is missing") % {"name": package}
        return wrong(topic, said, _("Install the fleet's parts: pip install 'shigu[fleet]'"))
    try:
        ask()
    except Exception as error:  # kombu hands on whatever its transport raises
        said = _("does not answer: %(error)s") % {"error": type(error).__name__}
        return wrong(
            topic, said, _("Does it run, and is its URL right? Nothing is lost meanwhile.")
        )
    return well(topic, _("answers"))
