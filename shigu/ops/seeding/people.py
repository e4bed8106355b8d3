"""Who lives in the seeded shop: three buyers with addresses, and the operator; all welcomed like anybody."""

from __future__ import annotations

from datetime import date

from allauth.account.models import EmailAddress
from django.db import transaction

from shigu.accounts import joining
from shigu.accounts.models import Address, Gender, User

PASSWORD = "three-hundred-drumbeats"
"""Everybody's, for trying out; printed by the commands, and refused to exist in production."""

PEOPLE: dict[str, dict[str, object]] = {
    "alice": {
        "nickname": "阿丽",
        "born_on": date(1992, 3, 14),
        "job": "产品经理",
        "city": "杭州",
        "gender": Gender.FEMALE,
        "signature": "慢慢学，比较快。",
    },
    "bob": {
        "nickname": "小柏",
        "job": "计算机系研究生",
        "city": "成都",
        "gender": Gender.MALE,
        "is_student": True,
    },
    "carol": {
        "nickname": "Carol",
        "language": "en",
        "job": "Ceramicist",
        "city": "Jingdezhen",
        "signature": "Clay, fire, patience.",
    },
    "operator": {"nickname": "掌柜", "is_staff": True, "is_superuser": True},
}

ADDRESSES = {
    "alice": [
        ("林丽", "13800000001", "浙江省 杭州市 西湖区", "文三路 1 号 3 幢 502 室", True),
        ("林丽（公司）", "13800000001", "浙江省 杭州市 滨江区", "江南大道 88 号 12 层", False),
    ],
    "bob": [("王柏", "13800000002", "四川省 成都市 武侯区", "人民南路 4 段 9 号", True)],
    "carol": [("Carol Chen", "13800000003", "江西省 景德镇市 珠山区", "陶溪川 12 号", True)],
}


def invite() -> dict[str, User]:
    """Everybody by name, made where missing; a changed password stays changed."""
    return {name: _person(name, profile) for name, profile in PEOPLE.items()}


@transaction.atomic
def _person(name: str, profile: dict[str, object]) -> User:
    email = f"{name}@shop.test"
    user, new = User.objects.get_or_create(username=name, defaults={"email": email, **profile})
    if new:
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        for recipient, phone, region, street, first in ADDRESSES.get(name, []):
            Address.objects.create(
                user=user,
                name=recipient,
                phone=phone,
                region=region,
                street=street,
                is_default=first,
            )
        joining.welcome(user.pk)
    return user
