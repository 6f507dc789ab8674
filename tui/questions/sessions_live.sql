-- Narrows to what is not over.
AND status IN ('running', 'waiting')
