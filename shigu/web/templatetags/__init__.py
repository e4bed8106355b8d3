"""Template tags of the shop's look: `{% load look %}`."""
