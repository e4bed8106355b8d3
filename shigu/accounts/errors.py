"""What the rooms of people refuse, said to a person.

Refusal
├── AddressIncomplete, TooManyAddresses     where goods go
└── NotAPicture, PictureTooHeavy, PictureTooLarge   avatars
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class AddressIncomplete(Refusal):
    """An address needs a recipient, a phone number, a region and a street."""


class TooManyAddresses(Refusal):
    """You can keep up to %(most)s addresses. Remove one that you no longer need."""


class NotAPicture(Refusal):
    """This file is not a picture that can be read. Choose a JPEG, PNG or WebP file."""


class PictureTooHeavy(Refusal):
    """This picture is too heavy. Choose one of at most %(most)s MB."""


class PictureTooLarge(Refusal):
    """This picture has too many pixels. Choose one of at most %(most)s on each side."""
