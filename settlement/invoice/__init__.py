"""The numbered claim of a month, and its renderings for people, for machines, and for spreadsheets."""
