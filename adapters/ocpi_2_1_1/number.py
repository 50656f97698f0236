"""The number of this version, as it stands in URLs and on what is kept for it alone."""

from typing import Final

NUMBER: Final = "2.1.1"
