-- What settle.lua and release.lua share: how a lease is closed, once.
--
-- asked.id, asked.fence            whose
-- asked.ending                     how, as text: the same text again is a repetition, another contradicts
-- asked.remembered, asked.awaited  how long a closed lease is remembered; how long one that expired is, from the
--                                  end of its term

local lease_key = named('lease', asked.id)
local lease = read(lease_key, 'domain', 'fence', 'granted', 'expires', 'state', 'ending', 'days', 'day_end')

-- Answers with the word for the caller. Closed and late are new; after any other nothing may be written.
local function close()
  if not lease.state then
    return 'unknown'
  elseif tonumber(lease.fence) ~= asked.fence then
    return 'fenced'
  elseif lease.state == 'closed' or lease.state == 'late' then
    return lease.ending == asked.ending and 'duplicate' or 'conflict'
  end
  local in_time = lease.state == 'active' and now < tonumber(lease.expires)
  local word = in_time and 'closed' or 'late'
  write('HSET', lease_key, 'state', word, 'ending', asked.ending, 'at', in_time and now or 0)
  write('ZADD', agenda, in_time and now + asked.remembered or lease.expires + asked.awaited, asked.id)
  redis.call('ZREM', named('flight', lease.domain), lease.fence)
  touch('domain ' .. lease.domain)
  stamp()
  return word
end
