-- Judgements of a run: the last word of each judge, counted as for or against it. Against: rework is needed, quality
-- below 50, or a verdict of rejected, failed, wrong, incorrect or bad. For: anything else with a quality, or a verdict of accepted,
-- approved, good, correct or passed. Other words are no judgement.
-- internal:
-- key: subject
-- kinds: outcome.judged
WITH last_words AS (
    SELECT
        subject,
        arg_max(
            struct_pack(verdict := lower(trim(verdict)), quality := quality, rework := rework, reason := reason),
            (coalesce(happened_at, recorded_at), position)
        ) AS word,
        max(position) AS position
    FROM ranked
    GROUP BY subject, "by"
),

weighed AS (
    SELECT
        *,
        coalesce(word.rework, false) OR coalesce(word.quality < 50, false)
            OR word.verdict IN ('rejected', 'failed', 'wrong', 'incorrect', 'bad') AS against,
        NOT against AND (
            word.quality IS NOT NULL OR word.verdict IN ('accepted', 'approved', 'good', 'correct', 'passed')
        ) AS for_it
    FROM last_words
)

SELECT
    subject,
    count(*) FILTER (for_it) AS positive,
    count(*) FILTER (against) AS negative,
    avg(word.quality) AS quality,
    coalesce(bool_or(word.rework), false) AS rework,
    list_sort(list(DISTINCT coalesce(word.reason, word.verdict)) FILTER (against)) AS reasons,
    list_sort(list(position)) AS positions
FROM weighed
GROUP BY subject
