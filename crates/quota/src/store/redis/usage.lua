-- Tells records of usage, newest first; writes nothing.
--
-- asked.before  the entry of the stream before which to begin; absent for the newest
-- asked.count   the most records to look through
--
-- Answers: usage, {ENTRY, RECORD, …}: RECORD is JSON.

local entries = redis.call('XREVRANGE', usage, asked.before and '(' .. asked.before or '+', '-', 'COUNT', asked.count)
local records = {}
for i, entry in ipairs(entries) do
  records[i] = { entry[1], entry[2][2] }
end
return answer('usage', records)
