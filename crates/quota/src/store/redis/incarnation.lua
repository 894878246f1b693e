-- What acquire.lua, expire.lua and testify.lua share: whether the ledger is what its services know it to be.
--
-- Redis may come back with an older ledger or with none: after a restart, a failover, or by hand. Each time is a new
-- incarnation of the ledger. In it nothing is granted until every service that may know of lost grants has testified
-- to what it remembers, or until all that could have been granted before has left the minute windows. A service
-- grants only in the incarnation that it testified in, and only while it is heard of again and again; so whoever may
-- have granted what was lost is among those that were heard of last. What one granted that is gone leaves the windows
-- however often Redis is lost meanwhile: services remember how long each is waited for, and that nothing was granted
-- since. Nobody waits for a service that no other had heard of yet, or that came back after long silence while all
-- others were cut off, if it is lost together with Redis.
--
-- Where no service is left that remembers, those do that were granted leases: each tells the highest fence that it was
-- ever given. Fences do not fall behind the clock, so that one from before the incarnation is known to be; and where no
-- service knows of grants up to it, the incarnation learns until all that was granted before has left the windows.
--
-- In the root's hash: incarnation: its number, which no other has, since numbers do not fall behind the clock; run:
-- the server process that it began on; began: when; before: the number of the one before, as far as something is left
-- of it; known: when a service was last heard of in the last that lacked nothing; base: the last fence in that;
-- settles, ends: until when the incarnation learns at the least and at the most, when all that was granted before it
-- has left the windows; told: the highest fence from before it that is known here or to a service; covered: until when a
-- service knew of all others, and waits for those that are missing; claimed: the highest fence from before it that a
-- holder of leases was given and nobody knew of.
--
-- asked.longest   how long a unit that was granted may be in a minute window
-- asked.late      how long the ledger goes on learning when one speaks after it has settled: within that time nothing
--                 is granted that others have not heard could be

-- How long a service may grant after it was heard of.
local SILENCE = 3000

local service, ours = ARGV[4], tonumber(ARGV[5])
local heard, missing = root .. ':heard', root .. ':missing'
local life = read(root, 'incarnation', 'before', 'run', 'began', 'known', 'base', 'settles', 'ends', 'told', 'covered',
  'claimed')
local incarnation = tonumber(life.incarnation or 0)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')

-- Whether the ledger is another than the one in which the service testified.
local changed = life.run ~= run or incarnation ~= ours

-- How long the ledger goes on learning.
local function learns_for()
  local settles, ends = tonumber(life.settles or 0), tonumber(life.ends or 0)
  if now < settles then
    return settles - now
  end
  local last = tonumber(redis.call('ZREVRANGE', missing, 0, 0, 'WITHSCORES')[2] or 0)
  if tonumber(life.claimed or 0) > tonumber(life.told or 0) then
    last = ends
  end
  return math.max(0, math.min(last, ends) - now)
end

-- Whether a holder of leases was given this fence by a ledger of which nobody has told, and it is not known yet.
local function lacks(fence)
  local explained = math.max(tonumber(life.told or 0), tonumber(life.covered or 0), tonumber(life.claimed or 0))
  if fence <= explained or now >= tonumber(life.ends or 0) then
    return false
  end
  return fence <= tonumber(life.began) or fence > tonumber(redis.call('HGET', root, 'fence') or 0)
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

-- When all has left the windows that a service granted which was heard of at this moment, and not again.
local function left_by(moment)
  return moment + SILENCE + asked.longest
end

-- Until when nothing is granted, as was said at this moment in an incarnation that learned then.
local function surely_until(moment)
  return math.max(tonumber(life.settles), moment + asked.late)
end

-- What every service remembers of the others, should Redis be lost: {ENDS, SURELY, {SERVICE, MOMENT, LEFT}…}. While
-- the ledger learns, all that was ever granted has left the windows by ENDS, and nothing is granted before SURELY;
-- else both are 0. Each other service was heard of at MOMENT, and by LEFT all has left the windows that it granted.
local function outlook()
  local span = learns_for()
  local learns = span > 0
  local ends, peers = learns and tonumber(life.ends) or 0, {}
  local function tell(other, moment, left)
    left = learns and math.min(left, ends) or left
    if other ~= service and left > now then
      table.insert(peers, { other, moment, left })
    end
  end
  local there = redis.call('ZRANGE', heard, 0, -1, 'WITHSCORES')
  for i = 1, #there, 2 do
    tell(there[i], tonumber(there[i + 1]), left_by(tonumber(there[i + 1])))
  end
  local lacking = learns and redis.call('ZRANGE', missing, 0, -1, 'WITHSCORES') or {}
  for i = 1, #lacking, 2 do
    tell(lacking[i], lacking[i + 1] - left_by(0), tonumber(lacking[i + 1]))
  end
  return { ends, learns and math.min(surely_until(now), now + span) or 0, peers }
end
