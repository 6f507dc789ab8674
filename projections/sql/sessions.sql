-- Every session: whose product, what was asked, when, how it ended, and what it took (agents counts its runs; calls,
-- messages and tokens are those that it owns, not those that it replays of another). request is the session's own, else
-- the first prompt. started_at and ended_at are those of its own work: ended_at is the end that is told of one of ours,
-- else the last time that its work tells. What is said of it afterwards, a judgement or a person's message, changes neither.
-- Status is what its end says; without one a session of ours is running, waiting for a person's approval, or lost when its conductor's lease ran out (now
-- is the last recorded time; `resume` goes on with it), and an imported one has the status of its parentless run (see
-- agent_runs), unknown where it has none.
-- tokens are those of all four kinds; all of them are NULL where no request is known.
-- cost_microdollars is what all its requests cost, its subagents' among them, each once; it leaves out the
-- unpriced_requests, whose model has no known price, and is NULL where nothing is known.
WITH work AS (SELECT session, count(*) AS tool_calls FROM calls GROUP BY session),
said AS (SELECT session, count(*) AS messages FROM messages GROUP BY session),
team AS (
    SELECT
        session,
        count(*) AS agents,
        bool_or(status = 'waiting') AS waiting,
        -- A guest of ours in an import is not the run that it is about.
        arg_min(status, (ours, coalesce(started_at, 'infinity'::TIMESTAMP), run)) FILTER (parent_run IS NULL) AS status
    FROM run_states
    GROUP BY session
),

spent AS (
    SELECT
        session,
        sum(input_tokens)::BIGINT AS input_tokens,
        sum(output_tokens)::BIGINT AS output_tokens,
        sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
        sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
        try_cast(sum(tokens) AS BIGINT) AS tokens,
        try_cast(sum(cost_microdollars) AS BIGINT) AS cost_microdollars,
        count(*) FILTER (cost_microdollars IS NULL) AS unpriced_requests
    FROM usage
    GROUP BY session
)

SELECT
    s.session,
    s.product AS source,
    s.project,
    s.request,
    s.started_at,
    s.ended_at,
    CASE
        WHEN s.ended_as IS NOT NULL THEN s.ended_as
        WHEN s.ours AND s.leased_until < now.moment THEN 'lost'
        WHEN s.ours AND team.waiting THEN 'waiting'
        WHEN s.ours THEN 'running'
        ELSE coalesce(team.status, 'unknown')
    END AS status,
    coalesce(team.agents, 0) AS agents,
    coalesce(work.tool_calls, 0) AS tool_calls,
    coalesce(said.messages, 0) AS messages,
    spent.input_tokens,
    spent.output_tokens,
    spent.cache_read_tokens,
    spent.cache_write_tokens,
    spent.tokens,
    s.forked_from,
    s.workspace,
    s.branch,
    s.client,
    s.reason,
    s.events,
    s.position,
    spent.cost_microdollars,
    coalesce(spent.unpriced_requests, 0) AS unpriced_requests
FROM session_spans AS s
LEFT JOIN team ON s.session = team.session
LEFT JOIN work ON s.session = work.session
LEFT JOIN said ON s.session = said.session
LEFT JOIN spent ON s.session = spent.session
CROSS JOIN now
