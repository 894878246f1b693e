-- What acquire.lua, expire.lua and testify.lua share: whether the ledger is what its services know it to be.
--
-- Redis may come back with an older ledger or with none: after a restart, a failover, or by hand. Each time is a new
-- incarnation of the ledger. In it nothing is granted until every service that may know of lost grants has testified
-- to what it remembers, or until all that could have been granted before has left the minute windows. A service
-- grants only in the incarnation that it testified in, and only while it is heard of again and again; so whoever may
-- have granted what was lost is among those that were heard of last.
--
-- In the root's hash: incarnation: its number, which no other has, since numbers do not fall behind the clock; run:
-- the server process that it began on; before: the number of the one before, as far as something is left of it;
-- known: when a service was last heard of in that; base: the last fence in that; settles, ends: until when the
-- incarnation learns at the least and at the most.

-- How long a service may grant after it was heard of.
local SILENCE = 3000

local service, ours = ARGV[4], tonumber(ARGV[5])
local heard, awaited = root .. ':heard', root .. ':awaited'
local life = read(root, 'incarnation', 'before', 'run', 'known', 'base', 'settles', 'ends')
local incarnation = tonumber(life.incarnation or 0)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')

-- Whether the ledger is another than the one in which the service testified.
local changed = life.run ~= run or incarnation ~= ours

-- How long the ledger goes on learning.
local function learns_for()
  local settles, ends = tonumber(life.settles or 0), tonumber(life.ends or 0)
  if now < settles then
    return settles - now
  elseif now < ends and redis.call('EXISTS', awaited) == 1 then
    return ends - now
  end
  return 0
end

-- Whether the service was heard of lately.
local function is_heard()
  return tonumber(redis.call('ZSCORE', heard, service) or 0) > now - SILENCE
end

-- Notes that the service is there. Those that were silent for longer than anything is awaited are forgotten.
local function hear()
  redis.call('ZREMRANGEBYSCORE', heard, '-inf', now - 60 * SILENCE)
  write('ZADD', heard, now, service)
end
