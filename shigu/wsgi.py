"""The door for web servers: pages and API over WSGI."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")
application = get_wsgi_application()
