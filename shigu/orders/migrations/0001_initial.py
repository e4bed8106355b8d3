
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('catalogue', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=40, unique=True, verbose_name='number')),
                ('status', models.PositiveSmallIntegerField(choices=[(0, 'Unpaid'), (1, 'Paid'), (2, 'Cancelled'), (3, 'Expired'), (4, 'Refunded')], default=0, verbose_name='status')),
                ('round', models.PositiveSmallIntegerField(default=0, verbose_name='round')),
                ('list_total', models.BigIntegerField(verbose_name='list price in fen')),
                ('payable', models.BigIntegerField(verbose_name='to pay in fen')),
                ('placed_at', models.DateTimeField(verbose_name='placed')),
                ('pay_by', models.DateTimeField(verbose_name='pay by')),
                ('due_at', models.DateTimeField(null=True, verbose_name='due')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='paid')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                ('key', models.CharField(max_length=64, verbose_name='idempotency key')),
                ('refunding_at', models.DateTimeField(blank=True, null=True, verbose_name='refund decided')),
                ('sent_to', models.CharField(blank=True, max_length=320, verbose_name='sent to')),
                ('hidden', models.BooleanField(default=False, verbose_name='deleted by the buyer')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'order',
                'verbose_name_plural': 'orders',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='OrderEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('by_id', models.BigIntegerField(null=True)),
                ('was', models.PositiveSmallIntegerField(choices=[(0, 'Unpaid'), (1, 'Paid'), (2, 'Cancelled'), (3, 'Expired'), (4, 'Refunded')], null=True)),
                ('status', models.PositiveSmallIntegerField(choices=[(0, 'Unpaid'), (1, 'Paid'), (2, 'Cancelled'), (3, 'Expired'), (4, 'Refunded')])),
                ('why', models.CharField(max_length=16)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='orders.order')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='OrderLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('course', 'Course'), ('goods', 'Goods')], max_length=8)),
                ('name_zh', models.CharField(max_length=120)),
                ('name_en', models.CharField(blank=True, max_length=160)),
                ('label_zh', models.CharField(blank=True, max_length=60)),
                ('label_en', models.CharField(blank=True, max_length=60)),
                ('validity_days', models.PositiveIntegerField(blank=True, null=True)),
                ('quantity', models.PositiveSmallIntegerField()),
                ('unit_price', models.BigIntegerField()),
                ('price', models.BigIntegerField()),
                ('payable', models.BigIntegerField()),
                ('reason', models.CharField(blank=True, choices=[('', 'List price')], max_length=12)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='orders.order')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalogue.product')),
                ('sku', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalogue.sku')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='CartLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveSmallIntegerField(default=1)),
                ('selected', models.BooleanField(default=True)),
                ('added_at', models.DateTimeField()),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalogue.product')),
                ('sku', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalogue.sku')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cart_lines', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-added_at', '-pk'],
                'constraints': [models.UniqueConstraint(fields=('user', 'sku'), name='cart_sku_once'), models.CheckConstraint(condition=models.Q(('quantity__gte', 1), ('quantity__lte', 99)), name='cart_quantity')],
            },
        ),
        migrations.CreateModel(
            name='Shipment',
            fields=[
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='shipment', serialize=False, to='orders.order')),
                ('since', models.DateTimeField(verbose_name='paid')),
                ('shipped_at', models.DateTimeField(blank=True, null=True, verbose_name='shipped')),
                ('carrier', models.CharField(blank=True, max_length=40, verbose_name='carrier')),
                ('tracking_no', models.CharField(blank=True, max_length=60, verbose_name='tracking number')),
                ('recalled_at', models.DateTimeField(blank=True, null=True, verbose_name='called back')),
            ],
            options={
                'verbose_name': 'shipment',
                'verbose_name_plural': 'shipments',
                'ordering': ['-since'],
                'indexes': [models.Index(condition=models.Q(('recalled_at', None), ('shipped_at', None)), fields=['since'], name='shipment_waiting')],
            },
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('status', 0)), fields=['due_at', 'id'], name='order_due'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('hidden', False)), fields=['user', 'status', '-id'], name='order_mine'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.UniqueConstraint(fields=('user', 'key'), name='order_key_once'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('payable__gte', 0)), name='order_payable_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', False), ('status', 0)), models.Q(models.Q(('status', 0), _negated=True), ('due_at', None)), _connector='OR'), name='order_due_while_unpaid'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.UniqueConstraint(fields=('order', 'sku'), name='order_line_sku_once'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(('payable__gte', 0), ('price__gte', models.F('payable')), ('quantity__gte', 1)), name='order_line_figures'),
        ),
    ]
