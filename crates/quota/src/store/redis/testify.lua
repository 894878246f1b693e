-- Tells the ledger what a service remembers of it, so that a ledger that came back without some of it is whole again.
-- After incarnation.lua and grant.lua.
--
-- asked.peers            {service, when it was last heard of}…, as the service was last told
-- asked.complete         whether this is all that the service has to say
-- asked.fence            the last fence that it knows of
-- asked.leases           {id, lease: its hash, ending: how it was closed since, if so}… that the ledger may lack
-- asked.tallies          {kind, name, field, units, moment}…: what the service was last told of, and when; of what was
--                        told later than the ledger remembers, the most is taken for true
-- asked.rests            {scope, moment, reason}…
-- asked.least, .longest  how long a new incarnation learns at the least and at the most
-- asked.awaited          how long a lease is remembered that is over
-- asked.remembered       how long a request is known
--
-- Answers: noted, {INCARNATION, BASE, SPAN}: the fence up to which it lacks none of the service's grants, and how long
-- it goes on learning.

-- Begins a new incarnation where this is not what anybody knows. A ledger that was still learning lacks what it had
-- not yet learned, whatever its last fence.
local function begin()
  local whole = learns_for() == 0
  local last = tonumber(redis.call('ZREVRANGE', heard, 0, 0, 'WITHSCORES')[2] or 0)
  life.known, life.base = last, whole and tonumber(redis.call('HGET', root, 'fence') or 0) or 0
  life.settles, life.ends = now + asked.least, now + asked.longest
  life.before = incarnation
  incarnation = math.max(now, incarnation, ours) + 1
  stamp()
  write('HSET', root, 'incarnation', incarnation, 'before', life.before, 'run', run, 'known', last,
    'base', life.base, 'settles', life.settles, 'ends', life.ends)
  if whole then
    redis.call('DEL', awaited)
  end
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', heard, last - SILENCE, '+inf')) do
    write('SADD', awaited, other)
  end
  redis.call('DEL', heard)
  touch('everything')
end

if life.run ~= run or incarnation < ours then
  begin()
end

-- Others that it knows of may have granted what was lost.
local known = tonumber(life.known or 0)
for _, peer in ipairs(incarnation ~= ours and asked.peers or {}) do
  local other, moment = peer[1], tonumber(peer[2])
  local counts = moment >= known - SILENCE and moment > now - asked.longest
  if counts and not redis.call('ZSCORE', heard, other) then
    write('SADD', awaited, other)
  end
end

for _, grant in ipairs(asked.leases) do
  local lease = grant.lease
  if redis.call('EXISTS', named('lease', grant.id)) == 0 then
    if grant.ending then
      lease.state, lease.ending = 'closed', grant.ending
    elseif lease.state == 'active' and tonumber(lease.expires) <= now then
      lease.state = 'expired'
    end
    enter(grant.id, lease)
    if lease.state ~= 'active' then
      write('ZADD', agenda, now + asked.awaited, grant.id)
    end
  end
end

-- Where nothing is known to be lacking from before the incarnation that the service was in, all until then is there.
local base = ours == tonumber(life.before) and tonumber(life.base) or 0
local since = base > 0 and known or 0

for _, tally in ipairs(asked.tallies) do
  local kind, name, field, units, moment = unpack(tally)
  local key = named(kind, name)
  if moment >= since and tonumber(redis.call('HGET', key, field) or 0) < units then
    write('HSET', key, field, units)
    touch('everything')
  end
end

for _, rest in ipairs(asked.rests) do
  local scope, moment, reason = unpack(rest)
  if moment > now and rests_until(scope) < moment then
    write('HSET', cooling, scope, string.format('%d %s', moment, reason))
    touch(scope)
  end
end

if asked.fence > tonumber(redis.call('HGET', root, 'fence') or 0) then
  write('HSET', root, 'fence', asked.fence)
end
if asked.complete or not changed then
  redis.call('SREM', awaited, service)
  hear()
end
stamp()
return answer('noted', { incarnation, base, learns_for() })
