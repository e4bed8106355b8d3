"""Words of the back office's theme that it does not translate into Chinese itself; ours are used.

Naming them here is all: `shigu messages` finds them and our catalogue has them.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

WORDS = [
    gettext_noop("Add row"),
    gettext_noop("Apply Filters"),
    gettext_noop("Choose file to upload"),
    gettext_noop("Expand row"),
    gettext_noop("Filters"),
    gettext_noop("General"),
    gettext_noop("Go back"),
    gettext_noop("Image preview"),
    gettext_noop("Loading more results..."),
    gettext_noop("More actions"),
    gettext_noop("No data"),
    gettext_noop("No results found"),
    gettext_noop("No results matching your query"),
    gettext_noop("Reset filters"),
    gettext_noop("Return to site"),
    gettext_noop("Run"),
    gettext_noop("Select all rows"),
    gettext_noop("Select record"),
    gettext_noop("Select action"),
    gettext_noop("Select action to run"),
    gettext_noop("System"),
    gettext_noop("Toggle password visibility"),
    gettext_noop("Type to search"),
    gettext_noop("This page yielded into no results. Create a new item or reset your filters."),
]
