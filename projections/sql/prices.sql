-- The prices in use, in the order in which they are looked for: the home's own before those that came with this version. In
-- millionths of a dollar per million tokens; model is a pattern; a price holds from valid_from and before valid_until (UTC),
-- and for requests of more than above_tokens tokens of context.
SELECT
    place, model, valid_from, valid_until, above_tokens, input, output, cache_read, cache_write, cache_write_1h, version
FROM price_table
