"""Static files under names that carry their content: cached for ever, modules import each other so too."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage that also rewrites `import` lines of ES modules."""

    support_js_module_import_aggregation = True
