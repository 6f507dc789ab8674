-- Every request to validate something was answered.
SELECT m.session, m.message, m.sender, m.recipient, m.happened_at
FROM messages AS m
WHERE
    m.type = 'validation_request'
    AND NOT EXISTS (SELECT 1 FROM messages AS a WHERE a.type = 'validation_result' AND a.in_reply_to = m.message)
ORDER BY m.happened_at, m.message
