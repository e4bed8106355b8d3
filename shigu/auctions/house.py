"""Who is of the house: whoever made a session or has any right on auctions. They may not bid."""

from __future__ import annotations

from django.db import connection

OF_THE_HOUSE = """
(u.is_superuser OR u.id IS NOT DISTINCT FROM s.made_by_id OR (u.is_staff AND EXISTS (
  SELECT FROM auth_permission p JOIN django_content_type t ON t.id = p.content_type_id
   WHERE t.app_label = 'auctions' AND p.id IN (
     SELECT permission_id FROM accounts_user_user_permissions WHERE user_id = u.id
     UNION ALL
     SELECT gp.permission_id FROM accounts_user_groups g
       JOIN auth_group_permissions gp ON gp.group_id = g.group_id WHERE g.user_id = u.id))))
"""
"""Of a person `u` and a session `s`."""

ASK = f"""
SELECT {OF_THE_HOUSE} FROM accounts_user u CROSS JOIN auctions_session s
 WHERE u.id = %(user)s AND s.id = %(session)s
"""


def is_of_house(user_id: int, session_id: int) -> bool:
    """Does this person run the session, or might they?"""
    with connection.cursor() as cursor:
        cursor.execute(ASK, {"user": user_id, "session": session_id})
        return bool(cursor.fetchone()[0])
