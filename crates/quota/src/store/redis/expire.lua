-- Ends the leases whose term is over, and forgets what need not be remembered any more.
--
-- asked.round    the most leases to attend to
-- asked.awaited  how long an expired lease is remembered from the end of its term
--
-- Answers: expired, LEASE….

local expired, wrote = {}, false
for _ = 1, asked.round do
  local id = redis.call('ZRANGEBYSCORE', agenda, '-inf', now, 'LIMIT', 0, 1)[1]
  if not id then
    break
  end
  wrote = true
  local key = named('lease', id)
  local lease = read(key, 'domain', 'fence', 'expires', 'state')
  if lease.state == 'active' then
    table.insert(expired, told(id))
    write('HSET', key, 'state', 'expired')
    write('ZADD', agenda, lease.expires + asked.awaited, id)
    redis.call('ZREM', named('flight', lease.domain), lease.fence)
  else
    redis.call('DEL', key)
    redis.call('ZREM', agenda, id)
  end
end

local resting = redis.call('HGETALL', cooling)
for i = 1, #resting, 2 do
  if tonumber(string.match(resting[i + 1], '^%d+')) <= now then
    wrote = true
    redis.call('HDEL', cooling, resting[i])
  end
end

if wrote then
  stamp()
end
return answer('expired', expired)
