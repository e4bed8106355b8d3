"""What operators may take out of a draft again: acts that remove rows, each with its words and verb."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from shigu.auctions import discarding
from shigu.auctions.models import Lot, Session
from shigu.kit.office import Act, Text


def discard_lot(lot: Lot) -> Act:
    """One lot, with the thing that was made with it."""

    def do(_data: dict[str, Any]) -> str:
        discarding.discard_lot(lot.pk)
        return gettext("“%(name)s” is removed from the draft.") % {"name": lot.name}

    again = _("The lot that it was listed from can be listed again.")
    return Act(
        title=_("Remove this lot from the draft"),
        words=again if lot.relisted_from_id else _GONE,
        button=_("Remove it"),
        do=do,
        facts=[(_("lot"), f"{lot.number} · {lot.name}"), *_of(lot.session)],
        then=reverse("admin:auctions_session_change", args=[lot.session_id]),
    )


def discard_lots(session: Session) -> Act:
    """What a wrong table brought, and whatever else is in it."""

    def do(_data: dict[str, Any]) -> str:
        return _removed(discarding.discard_lots(session.pk))

    return Act(
        title=_("Remove all lots of this draft"),
        words=_GONE,
        button=_("Remove them all"),
        do=do,
        facts=_of(session) + _count(session),
    )


def discard_session(session: Session) -> Act:
    """The draft itself."""

    def do(_data: dict[str, Any]) -> str:
        discarding.discard_session(session.pk)
        return gettext("The draft “%(name)s” is removed.") % {"name": session.name}

    return Act(
        title=_("Remove this draft"),
        words=_GONE,
        button=_("Remove the draft"),
        do=do,
        facts=_of(session) + _count(session),
        then=reverse("admin:auctions_session_changelist"),
    )


_GONE = _(
    "Words and pictures are gone then; nobody but operators has seen them. It cannot be undone."
)


def _of(session: Session) -> list[tuple[Text, Text]]:
    return [(pgettext_lazy("auctions", "session"), session.name)]


def _count(session: Session) -> list[tuple[Text, Text]]:
    return [(_("lots"), str(session.lots.count()))]


def _removed(count: int) -> str:
    said = ngettext("%(count)d lot was removed.", "%(count)d lots were removed.", count)
    return said % {"count": count}
