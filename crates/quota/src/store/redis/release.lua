-- Closes a lease as if it had never been granted. After close.lua.
--
-- Answers: closed, duplicate, conflict, late, fenced, unknown.

local word = close()
if word == 'closed' then
  redis.call('ZREM', named('minute', lease.domain), lease.fence)
  local counters = named('domain', lease.domain)
  for start in string.gmatch(lease.days, '%d+') do
    local units = tonumber(redis.call('HGET', counters, 'day:' .. start) or 0)
    if units > 0 then
      redis.call('HINCRBY', counters, 'day:' .. start, -1)
    end
  end
end
return answer(word)
