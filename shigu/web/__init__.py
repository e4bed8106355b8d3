"""The shop's pages, by audience; the look is in `static/web/css` and `templatetags/look.py`."""
