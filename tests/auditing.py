"""What every test that moves something asks at its end: does all of it hold?"""

from __future__ import annotations

from shigu.kit.auditing import audits, offending


def assert_audit_holds() -> int:
    """Every invariant that any app declares holds; how many were asked, which is never none."""
    broken = {f"{i.number} {i.title}": rows for i in audits if (rows := offending(i))}
    assert not broken, repr(broken)
    assert audits, "no app declared anything: this would hold of everything"
    return len(audits)
