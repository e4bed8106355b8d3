"""Locked attempts: always the subject first (through its purpose), then its attempts by pk.

Whoever holds the subject's lock is alone with all attempts of it; only the clock's claims touch them
without, and those wait for nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from shigu.kit.breakpoints import reached
from shigu.payments.models import Attempt
from shigu.payments.purposes import KINDS, purposes


def attempts_of(subjects: Iterable[tuple[str, int]]) -> list[Attempt]:
    """Lock these subjects (purpose, id), then read all their attempts under their own locks."""
    by_purpose = _by_purpose(subjects)
    for purpose, ids in by_purpose.items():
        purposes[purpose].lock(sorted(ids))
        reached("payments.locks.purpose")
    return [
        attempt
        for purpose, ids in by_purpose.items()
        for attempt in attempts_of_locked(purpose, sorted(ids))
    ]


def lock_all(attempts: Iterable[Attempt]) -> None:
    """The subjects of these locked attempts are settled in one transaction, where they are several."""
    by_purpose = _by_purpose((one.purpose, one.subject_id) for one in attempts)
    if sum(len(ids) for ids in by_purpose.values()) > 1:
        for purpose, ids in by_purpose.items():
            purposes[purpose].lock_all(sorted(ids))


def attempts_of_locked(purpose: str, subject_ids: Sequence[int]) -> list[Attempt]:
    """All attempts of subjects that the caller has locked."""
    rows = Attempt.objects.filter(purpose=purpose, subject_id__in=subject_ids)
    return list(rows.order_by("pk").select_for_update(no_key=True))


def attempts_by_id(ids: Collection[int]) -> list[Attempt]:
    """These attempts, whose subjects the caller has locked."""
    return list(Attempt.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True))


def _by_purpose(subjects: Iterable[tuple[str, int]]) -> dict[str, set[int]]:
    """The ids of each purpose, the purposes in the order in which they are locked."""
    found: dict[str, set[int]] = defaultdict(set)
    for purpose, subject_id in subjects:
        found[purpose].add(subject_id)
    return {purpose: found[purpose] for purpose in sorted(found, key=KINDS.index)}
