"""The shop's pages, by audience. See `static/web/css` for the look and `templatetags/look.py` for its tags."""
