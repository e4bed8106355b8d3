"""People in the back office: found, looked at, blocked; passwords are set by their owners."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from shigu.accounts.models import Address, User
from shigu.kit.office import Watched

admin.site.unregister(Group)


class Addresses(TabularInline):
    model = Address
    hide_title = True
    extra = 0
    verbose_name_plural = _("Addresses")
    fields = ["name", "phone", "region", "street", "is_default"]
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "nickname", "email", "city", "is_active", "is_staff", "date_joined"]
    list_filter = ["is_active", "is_staff", "is_student", "date_joined"]
    search_fields = ["username", "email", "nickname"]
    show_full_result_count = False
    list_per_page = 50
    ordering = ["-pk"]
    inlines = [Addresses]
    fieldsets = [
        (None, {"fields": [("username", "email"), "password"]}),
        (
            _("Profile"),
            {
                "fields": [
                    ("nickname", "city"),
                    ("job", "born_on"),
                    "greeted",
                    "gender",
                    "signature",
                    "language",
                    "is_student",
                ]
            },
        ),
        (_("Rights"), {"fields": [("is_active", "is_staff", "is_superuser"), "user_permissions"]}),
        (_("Dates"), {"fields": [("last_login", "date_joined")]}),
    ]
    readonly_fields = ["last_login", "date_joined"]
    filter_horizontal = ["user_permissions"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # orders name them; a person who may not come in any more is made inactive


@admin.register(Address)
class AddressAdmin(Watched):
    list_display = ["user", "name", "phone", "region", "street", "is_default"]
    search_fields = ["=user__username", "name", "=phone"]
    list_select_related = ["user"]
    show_full_result_count = False
