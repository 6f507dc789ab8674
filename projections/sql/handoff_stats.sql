-- Who hands work to whom, how often it is accepted, rejected and completed, and how long acceptance takes (of those whose
-- acceptance does not lie before the offer).
SELECT
    giver,
    taker,
    count(*) AS offered,
    count(*) FILTER (status IN ('accepted', 'completed')) AS accepted,
    count(*) FILTER (status = 'rejected') AS rejected,
    count(*) FILTER (status = 'completed') AS completed,
    quantile_disc(date_diff('millisecond', offered_at, accepted_at), 0.5) FILTER (accepted_at >= offered_at)
        AS p50_acceptance_ms
FROM handoffs
GROUP BY giver, taker
