-- Who shall do what, after whom: one row a plan, its tasks as a graph and its phases by agents, as JSON.
SELECT session, request, planner, tasks, phases, rationale, happened_at, position
FROM facts
WHERE kind = 'plan.made'
