-- No session cost more than its budget, and none has requests whose price is not known.
-- param: dollars number = 10
SELECT session, cost_microdollars / 1000000 AS cost_dollars, unpriced_requests
FROM sessions
WHERE coalesce(cost_microdollars > $dollars * 1000000, false) OR unpriced_requests > 0
ORDER BY cost_microdollars DESC NULLS LAST, session
