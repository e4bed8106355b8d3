"""Rows of what is sold.

A `Product` is a course or goods; what a buyer chooses of it is a `Sku`: a validity option of a
course (`validity_days`, 0 = permanent) or a variant of goods. Goods keep their counts in a narrow
row of their own, `Stock`, the hottest row of a shop: `catalogue.stock` alone writes it. An `Activity`
changes prices for a time; what it does to them is computed in `orders.pricing`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    COURSE = "course", _("Course")
    GOODS = "goods", _("Goods")
    LOT = "lot", _("Auction lot")


class Level(models.IntegerChoices):
    FIRST = 1, _("Beginner")
    MIDDLE = 2, _("Intermediate")
    DEEP = 3, _("Advanced")


class Named(models.Model):
    """A row that people read in Chinese or in English; an empty English text falls back."""

    name_zh = models.CharField(_("name in Chinese"), max_length=120)
    name_en = models.CharField(_("name in English"), max_length=160, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name in the reader's language."""
        return in_language(self.name_zh, self.name_en)


def in_language(zh: str, en: str) -> str:
    """The text for the active language; Chinese where English is missing."""
    return en if en and (get_language() or "").startswith("en") else zh


class Direction(Named):
    """A study direction 学习方向, or a department for goods."""

    slug = models.SlugField(unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("direction")
        verbose_name_plural = _("directions")
        ordering = ["position", "pk"]


class Category(Named):
    """A category 分类 within a direction."""

    direction = models.ForeignKey(Direction, models.PROTECT, related_name="categories")
    slug = models.SlugField(unique=True)
    tone = models.CharField(_("colour of drawn covers"), max_length=12, default="qing")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["direction", "position", "pk"]


class Product(Named):
    """A course or goods as it is shown: words, cover, whether it is on sale."""

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    slug = models.SlugField(unique=True)
    category = models.ForeignKey(Category, models.PROTECT, related_name="products")
    brief_zh = models.CharField(_("one line in Chinese"), max_length=200, blank=True)
    brief_en = models.CharField(_("one line in English"), max_length=240, blank=True)
    story_zh = models.TextField(_("description in Chinese"), blank=True)
    story_en = models.TextField(_("description in English"), blank=True)
    maker_zh = models.CharField(_("teacher or origin in Chinese"), max_length=80, blank=True)
    maker_en = models.CharField(_("teacher or origin in English"), max_length=80, blank=True)
    level = models.PositiveSmallIntegerField(
        _("level"), choices=Level.choices, null=True, blank=True, help_text=_("courses only")
    )
    lessons = models.PositiveSmallIntegerField(_("lessons"), default=0)
    most_credits = models.PositiveIntegerField(
        _("most credits per piece"), default=0, db_default=0, help_text=_("0: no credits on this")
    )
    cover = models.ImageField(_("cover"), upload_to="covers/", blank=True)
    motif = models.CharField(_("motif of the drawn cover"), max_length=20, blank=True)
    on_sale = models.BooleanField(_("on sale"), default=True)
    popularity = models.PositiveIntegerField(_("popularity"), default=0)
    listed_at = models.DateTimeField(_("listed"), auto_now_add=True)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["-popularity", "-pk"]
        indexes = [
            # lists.products(): what is on sale of one kind, hot or new first
            models.Index(
                fields=["kind", "-popularity", "-id"], name="product_hot", condition=Q(on_sale=True)
            ),
            models.Index(
                fields=["kind", "-listed_at", "-id"], name="product_new", condition=Q(on_sale=True)
            ),
        ]

    @property
    def tone(self) -> str:
        """Colour family of the drawn cover."""
        return self.category.tone

    @property
    def brief(self) -> str:
        return in_language(self.brief_zh, self.brief_en)

    @property
    def story(self) -> str:
        return in_language(self.story_zh, self.story_en)

    @property
    def maker(self) -> str:
        """Teacher of a course, origin of goods."""
        return in_language(self.maker_zh, self.maker_en)


class Sku(models.Model):
    """What can be put into a cart: one validity of a course, one variant of goods. Price in fen."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="skus")
    code = models.CharField(_("code"), max_length=40, unique=True)
    label_zh = models.CharField(_("label in Chinese"), max_length=60, blank=True)
    label_en = models.CharField(_("label in English"), max_length=60, blank=True)
    price = models.BigIntegerField(_("price in fen"))
    was = models.BigIntegerField(_("crossed-out price in fen"), null=True, blank=True)
    validity_days = models.PositiveIntegerField(
        _("validity in days"), null=True, blank=True, help_text=_("courses only; 0 is permanent")
    )
    renewal_price = models.BigIntegerField(
        _("price of a renewal in fen"), null=True, blank=True, help_text=_("courses only")
    )
    on_sale = models.BooleanField(_("on sale"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("SKU")
        verbose_name_plural = _("SKUs")
        ordering = ["product", "position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="sku_price_not_negative"),
            models.CheckConstraint(
                condition=Q(was=None) | Q(was__gt=F("price")), name="sku_was_more"
            ),
            models.CheckConstraint(
                condition=Q(renewal_price=None) | Q(renewal_price__gte=0),
                name="sku_renewal_price_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def label(self) -> str:
        return in_language(self.label_zh, self.label_en)


class Stock(models.Model):
    """Counts of one goods SKU: `on_hand` in the house, of which `held` for unpaid orders; `sold` so far.

    Only `catalogue.stock.move` writes here, in pk order and last in its transaction.
    """

    sku = models.OneToOneField(Sku, models.PROTECT, primary_key=True, related_name="stock")
    on_hand = models.IntegerField(_("on hand"), default=0)
    held = models.IntegerField(_("held"), default=0)
    sold = models.IntegerField(_("sold"), default=0)

    class Meta:
        verbose_name = _("stock")
        verbose_name_plural = _("stock")
        constraints = [
            models.CheckConstraint(
                condition=Q(held__gte=0, held__lte=F("on_hand"), sold__gte=0),
                name="stock_never_oversold",
            ),
        ]

    def __str__(self) -> str:
        return self.sku.code

    @property
    def free(self) -> int:
        """Pieces that a new order may hold."""
        return self.on_hand - self.held


class Moved(models.TextChoices):
    RECEIPT = "receipt", _("Received")
    CORRECTION = "correction", _("Corrected")
    SALE = "sale", _("Sold")
    RETURN = "return", _("Came back")


class StockMovement(models.Model):
    """Append-only: why `on_hand` changed. Holding and releasing follow from the orders themselves."""

    sku_id = models.BigIntegerField()
    kind = models.CharField(_("kind"), max_length=12, choices=Moved.choices)
    pieces = models.IntegerField(_("pieces"))
    subject = models.CharField(_("because of"), max_length=60)
    by = models.CharField(_("by"), max_length=150, blank=True)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["sku_id", "id"], name="movement_of_sku")
        ]  # audit: sums per SKU
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject", "sku_id"], name="movement_once"),
        ]


class Reach(models.TextChoices):
    """What a promotion covers."""

    ALL = "all", _("Everything")
    DIRECTION = "direction", _("Directions")
    CATEGORY = "category", _("Categories")
    PRODUCT = "product", _("Products")


CHOSEN = {Reach.DIRECTION: "directions", Reach.CATEGORY: "categories", Reach.PRODUCT: "products"}
"""Where a `Scoped` row keeps what it covers, unless that is everything."""


class Scoped(models.Model):
    """A row that covers everything, or the chosen directions, categories or products (`reach` says which).

    `catalogue.scopes` reads many of them at once.
    """

    reach = models.CharField(
        _("covers"), max_length=9, choices=Reach.choices, default=Reach.ALL, db_default=Reach.ALL
    )
    directions = models.ManyToManyField(
        Direction, blank=True, related_name="+", verbose_name=_("directions")
    )
    categories = models.ManyToManyField(
        Category, blank=True, related_name="+", verbose_name=_("categories")
    )
    products = models.ManyToManyField(
        Product, blank=True, related_name="+", verbose_name=_("products")
    )

    class Meta:
        abstract = True


class ActivityKind(models.TextChoices):
    FREE = "free", _("Free for a time")
    DISCOUNT = "discount", _("Discount for a time")
    REDUCTION = "reduction", _("Reduction for a time")
    THRESHOLD = "threshold", _("Spend and save")
    BUNDLE = "bundle", _("Bundle")
    STUDENT = "student", _("Student price")


class Stage(models.TextChoices):
    """Where an activity stands in time."""

    COMING = "coming", _("Coming")
    RUNNING = "running", _("Running")
    ENDED = "ended", _("Ended")


class Activity(Scoped, Named):
    """A price event 优惠活动 from `starts_at` until `ends_at`; the best one applies, they do not stack.

    `percent` is what is still paid (85: 八五折) of discounts and student prices. `amount` in fen comes
    off each piece for a reduction, off each complete set of `products` for a bundle. Steps of a
    `threshold` are rows of their own.
    """

    kind = models.CharField(_("kind"), max_length=9, choices=ActivityKind.choices)
    percent = models.PositiveSmallIntegerField(
        _("percent still paid"), null=True, blank=True, help_text=_("discount, student price")
    )
    amount = models.BigIntegerField(
        _("off in fen"), null=True, blank=True, help_text=_("reduction, bundle")
    )
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering = ["-starts_at", "-pk"]
        indexes = [
            models.Index(fields=["ends_at"], name="activity_ends")  # activities.running()
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="activity_has_a_time"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["discount", "student"], percent__gte=1, percent__lte=99)
                | (~Q(kind__in=["discount", "student"]) & Q(percent=None)),
                name="activity_percent_where_it_counts",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["reduction", "bundle"], amount__gt=0)
                | (~Q(kind__in=["reduction", "bundle"]) & Q(amount=None)),
                name="activity_amount_where_it_counts",
            ),
        ]

    def stage(self, now: datetime) -> Stage:
        """Is it still to come, running, or over at `now`?"""
        if now < self.starts_at:
            return Stage.COMING
        return Stage.RUNNING if now < self.ends_at else Stage.ENDED


class Step(models.Model):
    """One step of a 满减: from `least` fen on, `off` fen less."""

    activity = models.ForeignKey(Activity, models.CASCADE, related_name="steps")
    least = models.BigIntegerField(_("from, in fen"))
    off = models.BigIntegerField(_("off in fen"))

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ["least"]
        constraints = [
            models.UniqueConstraint(fields=["activity", "least"], name="step_once"),
            models.CheckConstraint(
                condition=Q(off__gt=0, least__gte=F("off")), name="step_never_more_than_spent"
            ),
        ]
