-- The ledgers of imported files: every line is accounted for.
SELECT position, path, format, lines, recorded, duplicates, ignored, unparseable, conflicts, imported_at
FROM imports
