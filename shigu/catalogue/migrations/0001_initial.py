
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Direction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name_zh', models.CharField(max_length=120, verbose_name='name in Chinese')),
                ('name_en', models.CharField(blank=True, max_length=160, verbose_name='name in English')),
                ('slug', models.SlugField(unique=True)),
                ('kind', models.CharField(choices=[('course', 'Course'), ('goods', 'Goods')], max_length=8, verbose_name='kind')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
            ],
            options={
                'verbose_name': 'direction',
                'verbose_name_plural': 'directions',
                'ordering': ['position', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Sku',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True, verbose_name='code')),
                ('label_zh', models.CharField(blank=True, max_length=60, verbose_name='label in Chinese')),
                ('label_en', models.CharField(blank=True, max_length=60, verbose_name='label in English')),
                ('price', models.BigIntegerField(verbose_name='price in fen')),
                ('was', models.BigIntegerField(blank=True, null=True, verbose_name='crossed-out price in fen')),
                ('validity_days', models.PositiveIntegerField(blank=True, help_text='courses only; 0 is permanent', null=True, verbose_name='validity in days')),
                ('on_sale', models.BooleanField(default=True, verbose_name='on sale')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
            ],
            options={
                'verbose_name': 'SKU',
                'verbose_name_plural': 'SKUs',
                'ordering': ['product', 'position', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name_zh', models.CharField(max_length=120, verbose_name='name in Chinese')),
                ('name_en', models.CharField(blank=True, max_length=160, verbose_name='name in English')),
                ('slug', models.SlugField(unique=True)),
                ('tone', models.CharField(default='qing', max_length=12, verbose_name='colour of drawn covers')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('direction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='categories', to='catalogue.direction')),
            ],
            options={
                'verbose_name': 'category',
                'verbose_name_plural': 'categories',
                'ordering': ['direction', 'position', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name_zh', models.CharField(max_length=120, verbose_name='name in Chinese')),
                ('name_en', models.CharField(blank=True, max_length=160, verbose_name='name in English')),
                ('kind', models.CharField(choices=[('course', 'Course'), ('goods', 'Goods')], max_length=8, verbose_name='kind')),
                ('slug', models.SlugField(unique=True)),
                ('brief_zh', models.CharField(blank=True, max_length=200, verbose_name='one line in Chinese')),
                ('brief_en', models.CharField(blank=True, max_length=240, verbose_name='one line in English')),
                ('story_zh', models.TextField(blank=True, verbose_name='description in Chinese')),
                ('story_en', models.TextField(blank=True, verbose_name='description in English')),
                ('maker_zh', models.CharField(blank=True, max_length=80, verbose_name='teacher or origin in Chinese')),
                ('maker_en', models.CharField(blank=True, max_length=80, verbose_name='teacher or origin in English')),
                ('level', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'Beginner'), (2, 'Intermediate'), (3, 'Advanced')], help_text='courses only', null=True, verbose_name='level')),
                ('lessons', models.PositiveSmallIntegerField(default=0, verbose_name='lessons')),
                ('cover', models.ImageField(blank=True, upload_to='covers/', verbose_name='cover')),
                ('motif', models.CharField(blank=True, max_length=20, verbose_name='motif of the drawn cover')),
                ('on_sale', models.BooleanField(default=True, verbose_name='on sale')),
                ('popularity', models.PositiveIntegerField(default=0, verbose_name='popularity')),
                ('listed_at', models.DateTimeField(auto_now_add=True, verbose_name='listed')),
                ('category', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='products', to='catalogue.category')),
            ],
            options={
                'verbose_name': 'product',
                'verbose_name_plural': 'products',
                'ordering': ['-popularity', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Stock',
            fields=[
                ('sku', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='stock', serialize=False, to='catalogue.sku')),
                ('on_hand', models.IntegerField(default=0, verbose_name='on hand')),
                ('held', models.IntegerField(default=0, verbose_name='held')),
                ('sold', models.IntegerField(default=0, verbose_name='sold')),
            ],
            options={
                'verbose_name': 'stock',
                'verbose_name_plural': 'stock',
            },
        ),
        migrations.AddField(
            model_name='sku',
            name='product',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='skus', to='catalogue.product'),
        ),
        migrations.CreateModel(
            name='StockMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sku_id', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('receipt', 'Received'), ('correction', 'Corrected'), ('sale', 'Sold'), ('return', 'Came back')], max_length=12, verbose_name='kind')),
                ('pieces', models.IntegerField(verbose_name='pieces')),
                ('subject', models.CharField(max_length=60, verbose_name='because of')),
                ('by', models.CharField(blank=True, max_length=150, verbose_name='by')),
                ('at', models.DateTimeField(verbose_name='when')),
            ],
            options={
                'verbose_name': 'stock movement',
                'verbose_name_plural': 'stock movements',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['sku_id', 'id'], name='movement_of_sku')],
                'constraints': [models.UniqueConstraint(fields=('kind', 'subject', 'sku_id'), name='movement_once')],
            },
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(condition=models.Q(('on_sale', True)), fields=['kind', '-popularity', '-id'], name='product_hot'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(condition=models.Q(('on_sale', True)), fields=['kind', '-listed_at', '-id'], name='product_new'),
        ),
        migrations.AddConstraint(
            model_name='stock',
            constraint=models.CheckConstraint(condition=models.Q(('held__gte', 0), ('held__lte', models.F('on_hand')), ('sold__gte', 0)), name='stock_never_oversold'),
        ),
        migrations.AddConstraint(
            model_name='sku',
            constraint=models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='sku_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='sku',
            constraint=models.CheckConstraint(condition=models.Q(('was', None), ('was__gt', models.F('price')), _connector='OR'), name='sku_was_more'),
        ),
    ]
