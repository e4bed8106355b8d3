"""The door for web servers: pages and API over WSGI; each process says that it can take bids.

Traced where `SHIGU_OTEL=1`.
"""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from shigu.kit.processes import end_with_server

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")
end_with_server()
django.setup()
if settings.OTEL:
    from shigu.fleet import tracing

    tracing.begin()
application = get_wsgi_application()

from shigu.auctions.beating import Heart  # noqa: E402 - the apps are ready only now

Heart().start()
