"""Line icons on a 24-unit field, in the colour of the text around them; the drawings are in `art/icon`.

`icon_svg("cart")` gives the mark-up; KeyError for a name that is not there.
"""

from __future__ import annotations

from shigu.web.drawing.art import drawings


def icon_svg(name: str, css: str = "") -> str:
    """One icon, hidden from screen readers: the words beside it say it."""
    return (
        f'<svg class="icon{" " + css if css else ""}" viewBox="0 0 24 24" fill="none"'
        ' stroke="currentColor" stroke-width="1.7" stroke-linejoin="round" stroke-linecap="round"'
        f' aria-hidden="true" focusable="false">{drawings("icon")[name]}</svg>'
    )
