"""`configs/ooda/categories.yaml`: categories of findings and their subcategories.

>>> CategoriesConfig({"Wear and Tear": ["soiling"]}).require("Wear and Tear", "rust")
Traceback (most recent call last):
...
ona.runtime.errors.InvalidConfiguration: ooda/categories.yaml: 'Wear and Tear' has no subcategory 'rust'
"""

from __future__ import annotations

from pydantic import ConfigDict, RootModel

from ona.config.files import ConfigFile
from ona.runtime.errors import InvalidConfiguration


class CategoriesConfig(RootModel[dict[str, list[str]]]):
    """`configs/ooda/categories.yaml`: subcategories by category."""

    model_config = ConfigDict(frozen=True)

    def require(self, category: str, subcategory: str) -> None:
        """Do nothing where the file has the pair. Raises InvalidConfiguration where it lacks it."""
        if subcategory not in self.root.get(category, []):
            raise InvalidConfiguration(
                f"ooda/categories.yaml: {category!r} has no subcategory {subcategory!r}"
            )


FILE = ConfigFile("ooda/categories.yaml", CategoriesConfig)


def categories_config() -> CategoriesConfig:
    """`ooda/categories.yaml`."""
    return FILE.read()
