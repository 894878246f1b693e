-- What acquire.lua and testify.lua share: how a lease is written that was granted, now or before it was forgotten.
--
-- asked.window      from the grant until the unit leaves the minute window
-- asked.remembered  how long a request is known

-- Writes a lease, as its hash lists it, and all that counts by the lease. What counts by the day is not counted here.
local function enter(id, lease)
  local key, minute = named('lease', id), named('minute', lease.domain)
  local fence, expires, leaves = tonumber(lease.fence), tonumber(lease.expires), lease.granted + asked.window
  local hash = {}
  for field, value in pairs(lease) do
    table.insert(hash, field)
    table.insert(hash, value)
  end
  write('HSET', key, unpack(hash))
  write('ZADD', agenda, expires, id)
  redis.call('ZREMRANGEBYSCORE', minute, '-inf', now)
  if leaves > now then
    write('ZADD', minute, leaves, fence)
  end
  if lease.state == 'active' and expires > now then
    write('ZADD', named('flight', lease.domain), expires, fence)
    write('ZADD', named('held', lease.client), expires, id)
  end
  local requests = named('requests', lease.client)
  redis.call('ZREMRANGEBYSCORE', requests, '-inf', now - asked.remembered)
  if tonumber(lease.counts) == 1 and lease.granted + asked.remembered > now then
    write('ZADD', requests, lease.granted, lease.request)
  end
  if fence > tonumber(redis.call('HGET', used, lease.account) or 0) then
    write('HSET', used, lease.account, fence)
  end
  touch('domain ' .. lease.domain)
end
