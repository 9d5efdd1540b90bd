"""`configs/ooda/categories.yaml`: categories of findings and their subcategories."""

from __future__ import annotations

from pydantic import ConfigDict, RootModel

from ona.config.files import ConfigFile
from ona.runtime.errors import InvalidConfiguration


class CategoriesConfig(RootModel[dict[str, list[str]]]):
    """`configs/ooda/categories.yaml`: subcategories by category."""

    model_config = ConfigDict(frozen=True)

    def require(self, category: str, subcategory: str) -> None:
        """Raises InvalidConfiguration when the file lacks the pair."""
        if subcategory not in self.root.get(category, []):
            raise InvalidConfiguration(
                f"ooda/categories.yaml: {category!r} has no subcategory {subcategory!r}"
            )


FILE = ConfigFile("ooda/categories.yaml", CategoriesConfig)


def categories_config() -> CategoriesConfig:
    """`ooda/categories.yaml`."""
    return FILE.read()
