"""Rows of people: `User` with the profile a buyer may fill in, and `Address` for goods."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import ExtractDay, ExtractMonth, Lower
from django.utils.translation import gettext_lazy as _


class Gender(models.TextChoices):
    UNSAID = "", _("Not said")
    FEMALE = "f", _("Female")
    MALE = "m", _("Male")


class User(AbstractUser):
    """A person who signs in; everything beyond name and mail is optional."""

    nickname = models.CharField(_("nickname"), max_length=40, blank=True)
    avatar = models.ImageField(_("picture"), upload_to="avatars/", blank=True)
    born_on = models.DateField(_("birth date"), null=True, blank=True)
    greeted = models.BooleanField(_("birthday greetings"), default=True, db_default=True)
    job = models.CharField(_("job"), max_length=60, blank=True)
    city = models.CharField(_("city"), max_length=60, blank=True)
    gender = models.CharField(_("gender"), max_length=1, choices=Gender.choices, blank=True)
    signature = models.CharField(_("signature"), max_length=140, blank=True)

    language = models.CharField(_("language"), max_length=10, blank=True, default="", db_default="")

    is_student = models.BooleanField(
        _("student"), default=False, db_default=False, help_text=_("pays student prices")
    )

    class Meta(AbstractUser.Meta):
        indexes = [
            # birthdays.celebrants(): everybody of one day of the year
            models.Index(
                ExtractMonth("born_on"),
                ExtractDay("born_on"),
                name="user_birthday",
                condition=Q(born_on__isnull=False, greeted=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_once", condition=~Q(email="")),
        ]

    @property
    def shown_name(self) -> str:
        """What others and pages call this person."""
        return self.nickname or self.username


class Address(models.Model):
    """Where goods go. Orders keep a copy, so a changed address changes no order."""

    user = models.ForeignKey(User, models.CASCADE, related_name="addresses")
    name = models.CharField(_("recipient"), max_length=40)
    phone = models.CharField(_("phone"), max_length=20)
    region = models.CharField(_("province, city, district"), max_length=80)
    street = models.CharField(_("street and number"), max_length=160)
    is_default = models.BooleanField(_("use this one first"), default=False)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        ordering = ["-is_default", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], name="address_one_default", condition=Q(is_default=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.phone} {self.region} {self.street}"
