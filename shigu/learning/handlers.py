"""Doors that learning opens: course lines are fulfilled here."""

from __future__ import annotations

from shigu.catalogue.models import Kind
from shigu.kit.auditing import audits
from shigu.learning.auditing import INVARIANTS
from shigu.learning.enrolling import CourseLines
from shigu.orders.lines import line_kinds

line_kinds.register(Kind.COURSE, CourseLines())
audits.extend(INVARIANTS)
