"""Line icons on a 24-unit field, drawn in the colour of the text around them.

`icon_svg("cart")` gives the mark-up; KeyError for a name that is not in `ICONS`.
"""

from __future__ import annotations

ICONS: dict[str, str] = {
    "home": '<path d="M4 11 12 4l8 7v9h-5v-6H9v6H4z"/>',
    "course": '<path d="M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3z"/><path d="M5 17a3 3 0 0 1 3-3h11"/>',
    "goods": '<path d="M8 4h8M9.5 4c0 3-4.5 4-4.5 9.5C5 17.5 8 20 12 20s7-2.5 7-6.5C19 8 14.5 7 14.5 4"/><path d="M5.3 12h13.4"/>',
    "auction": '<path d="m13 4 7 7M9 8l7 7M11 6l7 7-3 3-7-7zM10 13l-6 6"/>',
    "cart": '<path d="M4 5h2l2 11h10l2-8H7"/><circle cx="9" cy="20" r="1"/><circle cx="17" cy="20" r="1"/>',
    "me": '<circle cx="12" cy="8" r="4"/><path d="M4 21c1-5 4-7 8-7s7 2 8 7"/>',
    "find": '<circle cx="11" cy="11" r="6"/><path d="m16 16 4 4"/>',
    "order": '<path d="M6 3h12v18l-3-2-3 2-3-2-3 2z"/><path d="M9.5 8h5M9.5 12h5"/>',
    "settings": '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
    "leave": '<path d="M10 4H5v16h5M15 8l4 4-4 4M9 12h10"/>',
    "enter": '<path d="M14 4h5v16h-5M11 8l4 4-4 4M4 12h11"/>',
    "coupon": '<path d="M3 7h18v3.5a1.5 1.5 0 0 0 0 3V17H3v-3.5a1.5 1.5 0 0 0 0-3z"/><path d="M14 8v1.5M14 11.5v1M14 14.5V16"/>',
    "credits": '<circle cx="12" cy="12" r="8"/><path d="m12 7.5 1.4 3 3.2.4-2.4 2.2.7 3.3L12 14.7l-2.9 1.7.7-3.3-2.4-2.2 3.2-.4z"/>',
    "balance": '<path d="M4 7h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2z"/><path d="M4 7l11-3v3M16 13.5h.01"/>',
    "spending": '<path d="M5 20V10M10 20V4M15 20v-7M20 20V8"/>',
    "address": '<path d="M12 21c-4-5-7-8-7-11.5a7 7 0 0 1 14 0C19 13 16 16 12 21z"/><circle cx="12" cy="9.5" r="2.5"/>',
    "notice": '<path d="M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15zM10 21h4"/>',
    "security": '<path d="M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6z"/><path d="m9 12 2.2 2.2L15.5 10"/>',
    "mail": '<path d="M4 6h16v12H4z"/><path d="m4 7 8 6 8-6"/>',
    "phone": '<path d="M7 3h10v18H7zM11 18h2"/>',
    "key": '<circle cx="8" cy="15" r="4"/><path d="m11 12 8-8M16 7l2.5 2.5M14 9l1.5 1.5"/>',
    "time": '<circle cx="12" cy="12" r="8"/><path d="M12 7.5V12l3 2"/>',
    "heart": '<path d="M12 20C6 15.5 4 12.5 4 9.5A4 4 0 0 1 12 8a4 4 0 0 1 8 1.5c0 3-2 6-8 10.5z"/>',
    "star": '<path fill="currentColor" d="m12 4 2.4 5.2 5.6.7-4.1 3.9 1.1 5.7-5-2.8-5 2.8 1.1-5.7L4 9.9l5.6-.7z"/>',
    "back": '<path d="M4 12a8 8 0 1 0 2.5-5.8"/><path d="M4 4v4.5h4.5"/>',
    "truck": '<path d="M3 6h11v10H3zM14 10h4l3 3v3h-7z"/><circle cx="7" cy="18" r="2"/><circle cx="17" cy="18" r="2"/>',
    "play": '<path d="M7 5v14l12-7z"/>',
    "lock": '<path d="M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "info": '<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5.5M12 7.6h.01"/>',
    "warn": '<path d="M12 4 3 19.5h18z"/><path d="M12 10v4.5M12 17h.01"/>',
    "close": '<path d="m6 6 12 12M18 6 6 18"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "minus": '<path d="M5 12h14"/>',
    "bin": '<path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13"/>',
    "edit": '<path d="M4 20h4L19 9l-4-4L4 16z"/>',
    "left": '<path d="m14 6-6 6 6 6"/>',
    "right": '<path d="m10 6 6 6-6 6"/>',
    "down": '<path d="m6 9 6 6 6-6"/>',
    "sun": '<circle cx="12" cy="12" r="3.5"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4"/>',
    "moon": '<path d="M19 14.5A8 8 0 1 1 9.5 5a6.5 6.5 0 0 0 9.5 9.5z"/>',
    "auto": '<circle cx="12" cy="12" r="8"/><path fill="currentColor" d="M12 4v16a8 8 0 0 0 0-16z"/>',
    "language": '<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c-5 5.5-5 11.5 0 17 5-5.5 5-11.5 0-17z"/>',
    "help": '<circle cx="12" cy="12" r="8.5"/><path d="M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.5h.01"/>',
    "talk": '<path d="M4 5h16v11H10l-4 4v-4H4z"/>',
    "download": '<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/>',
    "share": '<circle cx="6" cy="12" r="2"/><circle cx="17" cy="6" r="2"/><circle cx="17" cy="18" r="2"/><path d="m8 11 7-4M8 13l7 4"/>',
}


def icon_svg(name: str, css: str = "") -> str:
    """One icon, hidden from screen readers: the words beside it say it."""
    return (
        f'<svg class="icon{" " + css if css else ""}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        ' stroke-width="1.7" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true"'
        f' focusable="false">{ICONS[name]}</svg>'
    )
