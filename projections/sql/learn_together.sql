-- With whom an agent speaks, how many of its requests for assistance or validation were answered, and what became of the
-- work that it gave or took. Of positions the newest fifty a peer are named, of handoffs the first fifty by name; the
-- counts are whole.
-- internal:
WITH said AS (
    SELECT sender AS agent, recipient AS peer, position FROM messages
    UNION ALL
    SELECT recipient, sender, position FROM messages WHERE recipient IS DISTINCT FROM sender
),

talk AS (
    SELECT agent, list(struct_pack(peer := peer, messages := messages, positions := positions) ORDER BY peer) AS talk
    FROM (
        SELECT agent, peer, count(*) AS messages, max(position, 50) AS positions
        FROM said
        WHERE agent IS NOT NULL
        GROUP BY agent, peer
    )
    GROUP BY agent
),

asked AS (
    SELECT agent, count(*) AS asked, count(*) FILTER (answered) AS answered
    FROM (
        SELECT requests.sender AS agent, requests.message, count(answers.message) > 0 AS answered
        FROM messages AS requests LEFT JOIN messages AS answers ON answers.in_reply_to = requests.message
        WHERE requests.type IN ('assistance_request', 'validation_request')
        GROUP BY requests.sender, requests.message
    )
    GROUP BY agent
),

moved AS (
    SELECT giver AS agent, * FROM handoffs
    UNION ALL
    SELECT taker, * FROM handoffs WHERE taker IS DISTINCT FROM giver
),

handed AS (
    SELECT
        agent,
        list(struct_pack(
            giver := giver, taker := taker, offered := offered, completed := completed, spoiled := spoiled,
            handoffs := handoffs
        ) ORDER BY giver, taker) AS handed
    FROM (
        SELECT
            agent,
            giver,
            taker,
            count(*) AS offered,
            count(*) FILTER (status = 'completed' AND coalesce(outcome, 'completed') = 'completed') AS completed,
            count(*) FILTER (status = 'rejected' OR (status = 'completed' AND outcome <> 'completed')) AS spoiled,
            min(handoff, 50) AS handoffs
        FROM moved
        WHERE agent IS NOT NULL
        GROUP BY agent, giver, taker
    )
    GROUP BY agent
),

everybody AS (SELECT agent FROM talk UNION SELECT agent FROM asked UNION SELECT agent FROM handed)

SELECT agent, talk, coalesce(asked.asked, 0) AS asked, coalesce(asked.answered, 0) AS answered, handed
FROM everybody
LEFT JOIN talk USING (agent)
LEFT JOIN asked USING (agent)
LEFT JOIN handed USING (agent)
