-- The ledger of every imported file: lines = recorded + duplicates + ignored + unparseable.
SELECT
    path, format, content_hash, parser, "bytes", lines, recorded, duplicates, ignored, unparseable, conflicts,
    events_appended, sessions, rules, types, bad_lines, recorded_at AS imported_at, position
FROM facts
WHERE kind = 'import.completed'
