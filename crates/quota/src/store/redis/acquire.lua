-- Grants a lease for every id, or none. After incarnation.lua and grant.lua.
--
-- asked.ids         the leases' names
-- asked.candidates  best first: account, domain; scopes {domain, account, access, project, pool}; minute, day,
--                   concurrent: the most units of each
-- asked.client      on whose behalf: id, request; price, tokens, resolution of one picture; requests, images, spend,
--                   concurrent: the most units of each, absent where there is no limit
-- asked.minute, .remembered   how long a request stays in its client's minute, and how long it is known
-- asked.days        consecutive Pacific days {start, end} that the present is expected in
-- asked.edge        how near to midnight a unit is charged to both days
-- asked.start, .lease, .window   from the grant: until the call must be sent, until the lease ends, until the unit
--                   leaves the minute window
-- asked.known       the highest fence that the caller was ever given; 0 if it knows of none
-- asked.not_after   the server's time from which on nobody waits for the answer; absent for never
-- asked.view        what a refusal tells of, as in standing.lua
--
-- CLIENT is {request, counted, …}, the client's hash, and {ends, day, price} of each of its active leases.
--
-- Answers: granted, {{LEASE…}, {TALLY…}} (what was counted, for the memory of the service); mixed, ID; client, CLIENT;
-- limited, SNAPSHOT; late; day (the days do not hold the present); changed; silent; lacking; learning, SPAN (see
-- incarnation.lua).

if asked.not_after and time > asked.not_after then
  return answer('late')
elseif changed then
  return answer('changed')
elseif not is_heard() then
  return answer('silent')
elseif lacks(asked.known) then
  return answer('lacking')
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

local client = asked.client
local requests, held, spent = named('requests', client.id), named('held', client.id), named('client', client.id)
local counted = tonumber(redis.call('ZSCORE', requests, client.request) or nil)
local is_known = counted and now < counted + asked.remembered
local in_minute = '(' .. (now - asked.minute)

local function is_beyond(most, used, more)
  return most and used + more > most
end

local function spent_today(what)
  return tonumber(redis.call('HGET', spent, what .. ':' .. charged[1]) or 0)
end

local function client_has_room()
  local wish = #asked.ids
  return not (
    is_beyond(client.requests, redis.call('ZCOUNT', requests, in_minute, '+inf'), is_known and -math.huge or 1)
    or is_beyond(client.images, spent_today('images'), wish)
    or is_beyond(client.spend, spent_today('spend'), wish * client.price)
    or is_beyond(client.concurrent, redis.call('ZCOUNT', held, '(' .. now, '+inf'), wish)
  )
end

local function client_snapshot()
  local recent = redis.call('ZRANGEBYSCORE', requests, in_minute, '+inf', 'WITHSCORES')
  if is_known and counted <= now - asked.minute then
    table.insert(recent, 1, counted)
    table.insert(recent, 1, client.request)
  end
  local active, flights = redis.call('ZRANGEBYSCORE', held, '(' .. now, '+inf', 'WITHSCORES'), {}
  for i = 1, #active, 2 do
    local lease = read(named('lease', active[i]), 'days', 'price')
    table.insert(flights, { active[i + 1], string.match(lease.days, '^%d+'), lease.price })
  end
  return { recent, redis.call('HGETALL', spent), flights }
end

if not client_has_room() then
  return answer('client', client_snapshot())
end

local rests = {}
for i, text in ipairs(redis.call('HMGET', cooling, unpack(asked.view.scopes))) do
  rests[asked.view.scopes[i]] = text and tonumber(string.match(text, '^%d+'))
end
local trials = trials_of(asked.view.scopes)

-- When a candidate rests no more and is not being tried, and whether it is on probation.
local function condition(candidate)
  local opens, on_trial = 0, false
  for _, scope in pairs(candidate.scopes) do
    opens = math.max(opens, rests[scope] or 0)
    if trials[scope] then
      opens, on_trial = math.max(opens, trials[scope].ends), true
    end
  end
  return opens > now and opens or 0, on_trial
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

-- One place for each domain, held by the first of its candidates that may be used soonest; a wish for several prefers
-- one that may hold several.
local function is_better(place, other)
  if place.opens ~= other.opens then
    return place.opens < other.opens
  end
  return #asked.ids > 1 and other.on_trial and not place.on_trial
end

local places, by_domain = {}, {}
for _, candidate in ipairs(asked.candidates) do
  local opens, on_trial = condition(candidate)
  local place = { candidate = candidate, opens = opens, on_trial = on_trial }
  local first = by_domain[candidate.domain]
  if not first then
    table.insert(places, place)
    by_domain[candidate.domain] = #places
  elseif is_better(place, places[first]) then
    places[first] = place
  end
end

local rooms, sum = {}, 0
for i, place in ipairs(places) do
  rooms[i] = place.opens > now and 0 or math.min(room(place.candidate), place.on_trial and 1 or math.huge)
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

local function count(kind, name, field, units)
  local sum = redis.call('HINCRBY', named(kind, name), field, units)
  table.insert(tallies, { kind, name, field, sum })
end

local function charge(domain)
  local counters = named('domain', domain)
  drop_days(counters, today[1])
  for _, start in ipairs(charged) do
    count('domain', domain, 'day:' .. start, 1)
  end
  redis.call('PEXPIRE', counters, KEEP)
end

drop_days(spent, today[1])
count('client', client.id, 'images:' .. charged[1], #asked.ids)
count('client', client.id, 'spend:' .. charged[1], #asked.ids * client.price)
redis.call('PEXPIRE', spent, KEEP)

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
    client = client.id, request = client.request, counts = is_known and 0 or 1, resolution = client.resolution,
    price = client.price, tokens = client.tokens,
    days = table.concat(charged, ' '), domain_scope = scopes.domain, account_scope = scopes.account,
    access_scope = scopes.access, project_scope = scopes.project, pool_scope = scopes.pool,
  })
  is_known = true
  for _, scope in pairs(scopes) do
    local trial = trials[scope]
    if trial then
      write('HSET', probation, scope, string.format('%d %d %s %s', trial.since, trial.rounds, trial.reason, id))
      touch(scope)
    end
  end
  leases[i] = told(id)
end
write('HSET', root, 'fence', fence)
return answer('granted', { leases, tallies })
