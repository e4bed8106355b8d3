"""The door for web servers: pages and API over WSGI. Each process says that it can take bids."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")
application = get_wsgi_application()

from shigu.auctions.beating import Heart  # noqa: E402 - the apps are ready only now

Heart().start()
