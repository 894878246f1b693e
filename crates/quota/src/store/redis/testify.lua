-- Tells the ledger what a service remembers of it, so that a ledger that came back without some of it is whole again.
-- After incarnation.lua and grant.lua.
--
-- asked.peers            {service, moment, left}…, as the service was last told, see incarnation.lua
-- asked.round            when it was told so
-- asked.ends, .surely    what it was told of the ledger then; both 0 if that did not learn
-- asked.complete         whether this is all that the service has to say
-- asked.fence            the last fence that it knows of
-- asked.claimed          the highest fence that holders of leases told the service of in a ledger that still lacks it
-- asked.leases           {id, lease: its hash, ending: how it was closed since, if so}… that the ledger may lack
-- asked.tallies          {kind, name, field, units, moment}…: what the service was last told of, and when; of what was
--                        told later than the ledger remembers, the most is taken for true
-- asked.rests            {scope, moment, reason}…
-- asked.trials           {scope, moment, rounds, reason}…: what is on probation, and since when
-- asked.learned          {domain, quota, limit, moment}…: limits that the provider told, and when
-- asked.least            how long a new incarnation learns at the least
-- asked.awaited          how long a lease is remembered that is over
-- asked.remembered       how long a request is known
--
-- Answers: noted, {INCARNATION, BASE, SPAN, OUTLOOK}: the fence up to which it lacks none of the service's grants, how
-- long it goes on learning, and what incarnation.lua says.

-- How long a service has been silent that does not come back.
local GONE = 10000

-- Begins a new incarnation where this is not what anybody knows. A ledger that was still learning lacks what it had
-- not yet learned, whatever its last fence; but where it surely granted nothing since, it need not learn for longer.
local function begin()
  local whole = learns_for() == 0
  local last = tonumber(redis.call('ZREVRANGE', heard, 0, 0, 'WITHSCORES')[2] or 0)
  if whole then
    redis.call('DEL', missing)
    life.known, life.base = last, tonumber(redis.call('HGET', root, 'fence') or 0)
    life.told, life.covered, life.claimed = life.base, 0, 0
  else
    life.base = 0
  end
  if whole or now > surely_until(last) then
    life.ends = now + asked.longest
  end
  life.began, life.settles, life.before = now, now + asked.least, incarnation
  incarnation = math.max(now, incarnation, ours) + 1
  stamp()
  write('HSET', root, 'incarnation', incarnation, 'before', life.before, 'run', run, 'began', now,
    'known', life.known, 'base', life.base, 'settles', life.settles, 'ends', life.ends, 'told', life.told or 0,
    'covered', life.covered or 0, 'claimed', life.claimed or 0)
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', missing, '(' .. left_by(last - GONE), '+inf')) do
    write('ZADD', missing, left_by(now), other)
  end
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', heard, last - SILENCE, '+inf')) do
    write('ZADD', missing, left_by(now), other)
  end
  redis.call('DEL', heard)
  touch('everything')
end

if life.run ~= run or incarnation < ours then
  begin()
end
local span = learns_for()

-- Where it knows that the ledger learned until this incarnation began, nothing was granted meanwhile.
local began, known = tonumber(life.began or 0), tonumber(life.known or 0)
local is_new = incarnation ~= ours
local still = is_new and began <= asked.surely
if still and asked.ends < tonumber(life.ends) then
  life.ends = asked.ends
  write('HSET', root, 'ends', life.ends)
end

-- Others that it knows of may have granted what was lost: those that were not gone, until it was lost.
for _, peer in ipairs(is_new and asked.peers or {}) do
  local other, moment, left = unpack(peer)
  if not still and moment + GONE > asked.round then
    left = left_by(began)
  end
  if moment >= known - SILENCE and left > now and not redis.call('ZSCORE', heard, other) then
    write('ZADD', missing, 'GT', left, other)
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

for _, trial in ipairs(asked.trials) do
  local scope, moment, rounds, reason = unpack(trial)
  local present = trial_of(redis.call('HGET', probation, scope))
  if moment >= since and moment + PROBATION > now and not (present and present.since >= moment) then
    write('HSET', probation, scope, string.format('%d %d %s', moment, rounds, reason))
    touch(scope)
  end
end

for _, told in ipairs(asked.learned) do
  local domain, quota, limit, moment = unpack(told)
  local key = named('domain', domain)
  if moment > tonumber(redis.call('HGET', key, 'told:' .. quota) or 0) then
    write('HSET', key, 'limit:' .. quota, limit, 'told:' .. quota, moment)
    touch('domain ' .. domain)
  end
end

if asked.fence > tonumber(redis.call('HGET', root, 'fence') or 0) then
  write('HSET', root, 'fence', asked.fence)
end
if asked.complete then
  life.told = math.max(tonumber(life.told or 0), asked.fence)
  life.covered = math.max(tonumber(life.covered or 0), asked.ends == 0 and asked.round or 0)
end
life.claimed = math.max(tonumber(life.claimed or 0), asked.claimed)
write('HSET', root, 'told', life.told or 0, 'covered', life.covered or 0, 'claimed', life.claimed)
if asked.complete or not changed then
  redis.call('ZREM', missing, service)
  hear()
end

-- Others may have been told that it learns for longer.
local at_least = math.min(span, asked.late)
if learns_for() < at_least then
  life.settles = math.max(tonumber(life.settles), now + at_least)
  write('HSET', root, 'settles', life.settles)
end
stamp()
return answer('noted', { incarnation, base, learns_for(), outlook() })
