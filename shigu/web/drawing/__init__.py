"""Pictures the shop draws for itself, as SVG, deterministic.

Use `cover_svg` (covers.py), `avatar_svg` (avatars.py), `studs` and `MARK` (drum.py) and
`icon_svg` (icons.py); in templates the tags of `templatetags/look.py`.
"""
