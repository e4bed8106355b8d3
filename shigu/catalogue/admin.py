"""The catalogue in the back office: words, prices and what is on sale are edited, counts never are.

Pieces are received and corrected through `stock.correct`, with a reason, on a page of their own; every
movement stays on record.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from shigu import clock
from shigu.catalogue import correcting
from shigu.catalogue.models import (
    Category,
    Direction,
    Kind,
    Moved,
    Product,
    Sku,
    Stock,
    StockMovement,
)
from shigu.kit.office import Act, Told, Watched, YuanField, confirmed, shown

KINDS = {Kind.COURSE.value: "info", Kind.GOODS.value: "success"}
MOST_DAYS = 3650
BY_HAND = [(Moved.RECEIPT, Moved.RECEIPT.label), (Moved.CORRECTION, Moved.CORRECTION.label)]


@admin.register(Direction)
class DirectionAdmin(ModelAdmin):
    list_display = ["__str__", "kind", "position"]
    list_editable = ["position"]
    list_filter = ["kind"]
    search_fields = ["name_zh", "name_en"]
    prepopulated_fields = {"slug": ["name_en"]}


@admin.register(Category)
class CategoryAdmin(ModelAdmin):
    list_display = ["__str__", "direction", "tone", "position"]
    list_editable = ["position"]
    list_filter = ["direction"]
    search_fields = ["name_zh", "name_en"]
    prepopulated_fields = {"slug": ["name_en"]}
    list_select_related = ["direction"]


class SkuForm(Told, forms.ModelForm):
    """Prices are typed in yuan; a crossed-out price is more than the price."""

    price = YuanField(label=_("Price in yuan"))
    was = YuanField(label=_("Crossed out"), required=False)
    renewal_price = YuanField(label=_("Renewal in yuan"), required=False)

    class Meta:
        model = Sku
        fields = [
            "code", "label_zh", "label_en", "validity_days", "price", "was", "renewal_price", "on_sale",
            "position",
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        price, was = data.get("price"), data.get("was")
        if price is not None and was is not None and was <= price:
            self.add_error("was", _("A crossed-out price is more than the price."))
        kind = getattr(getattr(self.instance, "product", None), "kind", "")
        if kind == Kind.COURSE and data.get("validity_days") is None:
            self.add_error("validity_days", _("A course has a validity; 0 is permanent."))
        if (data.get("validity_days") or 0) > MOST_DAYS:
            said = _("At most %(most)d days; 0 is permanent.") % {"most": MOST_DAYS}
            self.add_error("validity_days", said)
        if kind == Kind.GOODS and data.get("validity_days") is not None:
            self.add_error("validity_days", _("Goods have no validity."))
        if kind == Kind.GOODS and data.get("renewal_price") is not None:
            self.add_error("renewal_price", _("Only courses are renewed."))
        return data


class Skus(TabularInline):
    model = Sku
    hide_title = True
    form = SkuForm
    extra = 0
    verbose_name_plural = _("What can be chosen")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # orders name it; taking it down is enough


@admin.register(Product)
class ProductAdmin(ModelAdmin):
    list_display = [
        "__str__",
        "kind_shown",
        "category_shown",
        "from_price",
        "on_sale",
        "popularity",
    ]
    list_editable = ["on_sale"]
    list_filter = ["kind", "on_sale", "category__direction", "level"]
    search_fields = ["name_zh", "name_en", "slug", "=skus__code"]
    search_help_text = _("Name, or the code of a SKU")
    list_select_related = ["category"]
    prepopulated_fields = {"slug": ["name_en"]}
    inlines = [Skus]
    warn_unsaved_form = True
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("name_zh", "name_en"),
                    ("kind", "category"),
                    "slug",
                    "on_sale",
                    "most_credits",
                ]
            },
        ),
        (_("Words"), {"fields": ["brief_zh", "brief_en", "story_zh", "story_en"]}),
        (_("Made by"), {"fields": [("maker_zh", "maker_en"), ("level", "lessons")]}),
        (_("Cover"), {"fields": ["cover", "motif", "popularity"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        rows: QuerySet[Product] = super().get_queryset(request).prefetch_related("skus")
        return rows

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> list[str]:
        return ["kind"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # orders name it; taking it down is enough

    @display(description=_("kind"), ordering="kind", label=KINDS)  # type: ignore[untyped-decorator]
    def kind_shown(self, product: Product) -> tuple[str, str]:
        return product.kind, str(Kind(product.kind).label)

    @admin.display(description=_("category"), ordering="category")
    def category_shown(self, product: Product) -> str:
        return product.category.name

    @admin.display(description=_("price from"))
    def from_price(self, product: Product) -> str:
        prices = [sku.price for sku in product.skus.all() if sku.on_sale]
        return shown(min(prices)) if prices else "–"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A new variant of goods gets its counts, at zero."""
        super().save_related(request, form, formsets, change)
        if form.instance.kind == Kind.GOODS:
            fresh = Sku.objects.filter(product=form.instance, stock=None)
            Stock.objects.bulk_create(Stock(sku=sku) for sku in fresh)


class CorrectionForm(forms.Form):
    """How many pieces came or went, and why; `event` makes a form that is sent twice count once."""

    kind = forms.ChoiceField(label=_("Kind"), choices=BY_HAND, widget=UnfoldAdminSelectWidget)
    pieces = forms.IntegerField(
        label=_("Pieces"),
        help_text=_("Fewer than none takes pieces away."),
        min_value=-100_000,
        max_value=100_000,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.CharField(
        label=_("Because of"), max_length=40, widget=UnfoldAdminTextInputWidget
    )
    event = forms.CharField(widget=forms.HiddenInput, max_length=8, initial=lambda: uuid4().hex[:8])

    def clean_pieces(self) -> int:
        pieces: int = self.cleaned_data["pieces"]
        if pieces == 0 or (pieces < 0 and self.cleaned_data.get("kind") == Moved.RECEIPT):
            raise forms.ValidationError(_("What is received is more than none."))
        return pieces


@admin.register(Stock)
class StockAdmin(Watched):
    list_display = ["code", "product", "free", "on_hand", "held", "sold", "movements"]
    search_fields = ["=sku__code", "sku__product__name_zh", "sku__product__name_en"]
    list_select_related = ["sku__product"]
    list_per_page = 100
    ordering = ["sku_id"]
    fields = ["code", "product", ("free", "on_hand", "held", "sold"), "movements"]
    actions_detail = ["correct"]

    @admin.display(description=_("SKU"), ordering="sku__code")
    def code(self, row: Stock) -> str:
        return row.sku.code

    @admin.display(description=_("product"))
    def product(self, row: Stock) -> str:
        return f"{row.sku.product.name} · {row.sku.label}"

    @display(description=_("free"), label={"0": "danger"})  # type: ignore[untyped-decorator]
    def free(self, row: Stock) -> str:
        return str(row.free)

    @admin.display(description=_("movements"))
    def movements(self, row: Stock) -> SafeString:
        url = reverse("admin:catalogue_stockmovement_changelist")
        return format_html('<a href="{}?sku_id={}">{}</a>', url, row.pk, gettext("look"))

    @action(  # type: ignore[untyped-decorator]
        description=_("Receive or correct"), permissions=["act"], variant=ActionVariant.PRIMARY
    )
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return confirmed(self, request, row, _correction(row, request.user.get_username()))


def _correction(row: Stock, by: str) -> Act:
    def do(data: dict[str, Any]) -> str:
        correcting.correct(
            row.pk,
            pieces=data["pieces"],
            kind=Moved(data["kind"]),
            subject=f"{data['reason']} [{data['event']}]",
            by=by,
            now=clock.now(),
        )
        return gettext("%(pieces)+d pieces: %(reason)s") % data

    return Act(
        title=_("Receive or correct pieces"),
        words=_("Every movement stays on record with its reason and your name."),
        button=_("Book it"),
        do=do,
        form=CorrectionForm,
        facts=[
            (_("SKU"), row.sku.code),
            (_("product"), f"{row.sku.product.name} · {row.sku.label}"),
            (_("on hand"), str(row.on_hand)),
            (_("held"), str(row.held)),
        ],
    )


@admin.register(StockMovement)
class StockMovementAdmin(Watched):
    list_display = ["at", "sku_code", "kind", "pieces", "subject", "by"]
    list_filter = ["kind", "at"]
    search_fields = ["=sku_id", "subject"]
    show_full_result_count = False
    list_per_page = 50

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "sku_id" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockMovement]:
        rows: QuerySet[StockMovement] = super().get_queryset(request)
        return rows.annotate(
            code=Subquery(Sku.objects.filter(pk=OuterRef("sku_id")).values("code"))
        )

    @admin.display(description=_("SKU"))
    def sku_code(self, row: StockMovement) -> str:
        return getattr(row, "code", None) or str(row.sku_id)
