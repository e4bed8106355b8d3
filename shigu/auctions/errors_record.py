"""What records and imports of auctions will not do, each with the sentence its operator reads.

Refusal
├── NotOverYet, BrokenRecord                               records
├── NotAPictureOfALot, PictureOfALotTooHeavy, PictureOfALotTooLarge, TooManyPictures   pictures
├── NotCsv, TableTooLarge, ColumnsMissing, TooManyRows,
│   NothingToImport                                        importing lots
└── NotBarred                                              lifting a bar
"""

from __future__ import annotations

from shigu.kit.errors import Refusal


class NotOverYet(Refusal):
    """The record of a session is there when all of its lots are over."""


class BrokenRecord(Refusal):
    """This record is not whole: line %(line)s does not follow from the one before it."""


class NotAPictureOfALot(Refusal):
    """This file is not a picture that can be read. Choose a JPEG, PNG or WebP file; nothing was saved."""


class PictureOfALotTooHeavy(Refusal):
    """This picture is too heavy. Choose one of at most %(most)s MB; nothing was saved."""


class PictureOfALotTooLarge(Refusal):
    """This picture has too many pixels. Choose one of at most %(most)s on each side; nothing was saved."""


class TooManyPictures(Refusal):
    """A lot has up to %(most)s pictures. Remove one that you no longer need."""


class NotCsv(Refusal):
    """This file is not a table of text. Save it as CSV in UTF-8; nothing was imported."""


class TableTooLarge(Refusal):
    """This table is larger than %(most)s MB. Divide it into several; nothing was imported."""


class ColumnsMissing(Refusal):
    """The first row must name the columns; missing: %(names)s. Nothing was imported."""


class TooManyRows(Refusal):
    """At most %(most)s lots at once. Nothing was imported."""


class NothingToImport(Refusal):
    """There is no lot in this file."""


class NotBarred(Refusal):
    """This bar is lifted, or over."""
