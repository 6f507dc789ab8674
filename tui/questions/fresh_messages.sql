-- Nothing: it only lets the store bring `messages` up to date by itself, so that no later question has to wait for all.
SELECT message FROM messages LIMIT 0
