"""Pictures the shop draws for itself, as SVG, deterministic: covers, avatars, the drum and the icons.

Use `cover_svg` (covers.py), `avatar_svg` (avatars.py), `studs` and `MARK` (drum.py), `icon_svg` (icons.py).
"""
