-- The latest plan of a session, and how each of its tasks stands.
SELECT plan.phases, plan.tasks,
    (
        SELECT to_json(list({'task': task_id, 'agent': agent, 'status': status, 'phase': phase}))
        FROM agent_runs WHERE session = $session
    ) AS runs
FROM plans plan
WHERE plan.session = $session
ORDER BY plan.position DESC
LIMIT 1
