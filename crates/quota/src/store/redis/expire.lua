-- Ends the leases whose term is over, and forgets what need not be remembered any more. After incarnation.lua, and
-- record.lua, since this is also how a service is heard of.
--
-- asked.round    the most leases to attend to
-- asked.awaited  how long an expired lease is remembered from the end of its term
--
-- Answers: expired, {{LEASE…}, OUTLOOK}; changed. See incarnation.lua.

if changed then
  return answer('changed')
end
hear()

local expired = {}
for _ = 1, asked.round do
  local id = redis.call('ZRANGEBYSCORE', agenda, '-inf', now, 'LIMIT', 0, 1)[1]
  if not id then
    break
  end
  local key = named('lease', id)
  local lease = read(key, 'domain', 'fence', 'expires', 'state', 'client', 'price')
  if lease.state == 'active' then
    table.insert(expired, told(id))
    write('HSET', key, 'state', 'expired')
    write('ZADD', agenda, lease.expires + asked.awaited, id)
    redis.call('ZREM', named('flight', lease.domain), lease.fence)
    redis.call('ZREM', named('held', lease.client), id)
    touch('domain ' .. lease.domain)
    touch_tried(key)
    append_usage(id, {
      outcome = 'expired', images = 0, tokens = { 0, 0, 0, 0 }, cost = tonumber(lease.price), possibly_billed = true,
      amends = false,
    })
  else
    redis.call('DEL', key)
    redis.call('ZREM', agenda, id)
  end
end

local resting = redis.call('HGETALL', cooling)
for i = 1, #resting, 2 do
  if tonumber(string.match(resting[i + 1], '^%d+')) <= now then
    redis.call('HDEL', cooling, resting[i])
    touch(resting[i])
  end
end

local proving = redis.call('HGETALL', probation)
for i = 1, #proving, 2 do
  if not trial_of(proving[i + 1]) then
    redis.call('HDEL', probation, proving[i])
    touch(proving[i])
  end
end

redis.call('XTRIM', usage, 'MINID', '~', now - asked.usage_lasts)
local days = named('totals', 'days')
redis.call('ZREMRANGEBYSCORE', days, '-inf', now - asked.totals_last)
stamp()
return answer('expired', { expired, outlook() })
