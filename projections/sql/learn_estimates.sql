-- The last estimate made of a subject before it ran.
-- internal:
-- key: subject
-- kinds: estimate.made
SELECT
    subject,
    arg_max(
        struct_pack(
            agent := agent, low := duration_ms_low, middle := duration_ms, high := duration_ms_high, tokens := tokens,
            chance := chance
        ), position
    ) AS expected,
    max(position) AS position
FROM ranked
GROUP BY subject
