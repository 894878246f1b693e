-- Grants a lease for every id, or none. After incarnation.lua and grant.lua.
--
-- asked.ids         the leases' names
-- asked.candidates  best first: account, domain; scopes {domain, account, access, project, pool}; minute, day,
--                   concurrent: the most units of each
-- asked.days        consecutive Pacific days {start, end} that the present is expected in
-- asked.edge        how near to midnight a unit is charged to both days
-- asked.start, .lease, .window   from the grant: until the call must be sent, until the lease ends, until the unit
--                   leaves the minute window
-- asked.not_after   the server's time from which on nobody waits for the answer; absent for never
-- asked.view        what a refusal tells of, as in standing.lua
--
-- Answers: granted, {{LEASE…}, {TALLY…}} (what was counted, for the memory of the service); mixed, ID; limited,
-- SNAPSHOT; late; day (the days do not hold the present); changed; silent; learning, SPAN (see incarnation.lua).

if asked.not_after and time > asked.not_after then
  return answer('late')
elseif changed then
  return answer('changed')
elseif not is_heard() then
  return answer('silent')
elseif learns_for() > 0 then
  return answer('learning', learns_for())
end

local known, unknown = nil, false
for _, id in ipairs(asked.ids) do
  if redis.call('EXISTS', named('lease', id)) == 1 then
    known = known or id
  else
    unknown = true
  end
end
if known and unknown then
  return answer('mixed', known)
elseif known then
  local leases = {}
  for i, id in ipairs(asked.ids) do
    leases[i] = told(id)
  end
  return answer('granted', { leases, {} })
end

local function day_of(moment)
  for _, day in ipairs(asked.days) do
    if day[1] <= moment and moment < day[2] then
      return day
    end
  end
end

local today, soon = day_of(now), day_of(now + asked.edge)
if not (today and soon) then
  return answer('day')
end
local charged = { string.format('%d', today[1]) }
if soon[1] ~= today[1] then
  charged[2] = string.format('%d', soon[1])
end

local function opens_at(candidate)
  local moment = 0
  for _, scope in pairs(candidate.scopes) do
    moment = math.max(moment, rests_until(scope))
  end
  return moment
end

local function room(candidate)
  local after = '(' .. now
  local minute = redis.call('ZCOUNT', named('minute', candidate.domain), after, '+inf')
  local flight = redis.call('ZCOUNT', named('flight', candidate.domain), after, '+inf')
  local day = 0
  for _, start in ipairs(charged) do
    day = math.max(day, tonumber(redis.call('HGET', named('domain', candidate.domain), 'day:' .. start) or 0))
  end
  return math.max(0, math.min(candidate.minute - minute, candidate.day - day, candidate.concurrent - flight))
end

-- One place for each domain, held by the first of its candidates that may be used soonest.
local places, by_domain = {}, {}
for _, candidate in ipairs(asked.candidates) do
  local place = { candidate = candidate, opens = opens_at(candidate) }
  local first = by_domain[candidate.domain]
  if not first then
    table.insert(places, place)
    by_domain[candidate.domain] = #places
  elseif places[first].opens > place.opens then
    places[first] = place
  end
end

local rooms, sum = {}, 0
for i, place in ipairs(places) do
  rooms[i] = place.opens > now and 0 or room(place.candidate)
  sum = sum + rooms[i]
end
if sum < #asked.ids then
  return answer('limited', snapshot(asked.view.domains, asked.view.scopes, asked.view.accounts))
end

local hands = {}
while #hands < #asked.ids do
  for i, place in ipairs(places) do
    if rooms[i] > 0 and #hands < #asked.ids then
      rooms[i] = rooms[i] - 1
      table.insert(hands, place.candidate)
    end
  end
end

-- From here on it writes.

stamp()

local tallies = {}

local function charge(domain)
  local counters = named('domain', domain)
  for _, field in ipairs(redis.call('HKEYS', counters)) do
    local start = tonumber(string.match(field, '^day:(%d+)$'))
    if start and start < today[1] then
      redis.call('HDEL', counters, field)
    end
  end
  for _, start in ipairs(charged) do
    local units = redis.call('HINCRBY', counters, 'day:' .. start, 1)
    table.insert(tallies, { 'domain', domain, 'day:' .. start, units })
  end
  redis.call('PEXPIRE', counters, KEEP)
end

-- Fences do not fall behind the clock, so that a ledger that was emptied does not repeat those it gave before.
local fence = math.max(now, tonumber(redis.call('HGET', root, 'fence') or 0))
local leases = {}
for i, id in ipairs(asked.ids) do
  local candidate = hands[i]
  local scopes = candidate.scopes
  fence = fence + 1
  charge(candidate.domain)
  enter(id, {
    account = candidate.account, domain = candidate.domain, fence = fence, granted = now,
    start_by = now + asked.start, expires = now + asked.lease, state = 'active', at = 0, day_end = today[2],
    days = table.concat(charged, ' '), domain_scope = scopes.domain, account_scope = scopes.account,
    access_scope = scopes.access, project_scope = scopes.project, pool_scope = scopes.pool,
  })
  leases[i] = told(id)
end
write('HSET', root, 'fence', fence)
return answer('granted', { leases, tallies })
