-- Closes a lease with its call's outcome, and draws the conclusions of `store/cooldown.rs`. After close.lua.
--
-- asked.minute          the provider's minute
-- asked.answered        whether the provider answered, so that it counted the call before
-- asked.sent            from the grant: by when the provider has counted the call, as far as the holder knows
-- asked.ruling.streak   what becomes of the domain's streak: kept, cleared, throttled or failed
-- asked.ruling.rest     absent, or what rests: on (domain, account, access, project or pool), reason, and length, one of
--   wait                {millis}
--   backoff             {first, longest}: doubled with each throttling that followed the first
--   day_end             until the end of the day that the lease was granted on
--   after               {failures, first, longest}: only from so many failures in a row on; doubled with each time that
--                       the domain failed on probation
--                       and doubtful: whether it is on probation afterwards
-- asked.ruling.proves   whether what is on probation passes it
-- asked.ruling.learned  absent, or a limit that the provider told: {quota, limit}
--
-- Answers: closed, duplicate, conflict, late, fenced, unknown.

local function number(value)
  return tonumber(value or 0)
end

-- A call that was leased before the last throttling was known tells nothing new.
local function amend_streak(change)
  local key = named('domain', lease.domain)
  local streak = read(key, 'throttles', 'throttled_at', 'failures')
  local throttles, failures = number(streak.throttles), number(streak.failures)
  if change == 'cleared' then
    throttles, failures = 0, 0
    redis.call('HDEL', key, 'throttles', 'throttled_at', 'failures')
  elseif change == 'throttled' then
    if throttles == 0 or number(lease.granted) > number(streak.throttled_at) then
      throttles = throttles + 1
      write('HSET', key, 'throttles', throttles, 'throttled_at', now)
    end
  elseif change == 'failed' then
    failures = failures + 1
    write('HSET', key, 'failures', failures)
  end
  return throttles, failures
end

-- The unit leaves a minute after its call was surely counted, if that is sooner; `ledger/minute.rs` says why.
local function leave_sooner()
  local arrived = math.huge
  if asked.answered then
    arrived = now
  end
  if asked.sent then
    arrived = math.min(arrived, lease.granted + asked.sent)
  end
  if arrived < math.huge then
    redis.call('ZADD', named('minute', lease.domain), 'XX', 'LT', arrived + asked.minute, lease.fence)
  end
end

local function learn(told)
  local key = named('domain', lease.domain)
  write('HSET', key, 'limit:' .. told.quota, told.limit, 'told:' .. told.quota, now)
end

-- Ends the probations that the call passed: those of what failed before it was leased.
local function prove()
  for _, on in ipairs(redis.call('EXISTS', probation) == 1 and SCOPES or {}) do
    local scope = redis.call('HGET', lease_key, on .. '_scope')
    local trial = trial_of(redis.call('HGET', probation, scope))
    if trial and number(lease.granted) > trial.since then
      redis.call('HDEL', probation, scope)
      touch(scope)
    end
  end
end

-- How often the scope failed on probation, this time included.
local function rounds_of(scope)
  local trial = trial_of(redis.call('HGET', probation, scope))
  if not trial then
    return 0
  end
  return trial.rounds + (number(lease.granted) > trial.since and 1 or 0)
end

local function doubled(length, times)
  return math.min(length.first * 2 ^ math.min(math.max(times, 0), 16), length.longest)
end

local function rest_ends(length, throttles, failures, rounds)
  if length.wait then
    return now + length.wait.millis
  elseif length.backoff then
    return now + doubled(length.backoff, throttles - 1)
  elseif length.after then
    return failures >= length.after.failures and now + doubled(length.after, rounds)
  end
  return number(lease.day_end)
end

-- A rest is never shortened.
local function rest(resting, throttles, failures)
  local scope = redis.call('HGET', lease_key, resting.on .. '_scope')
  local rounds = rounds_of(scope)
  local moment = rest_ends(resting.length, throttles, failures, rounds)
  if not moment then
    return
  end
  if resting.doubtful then
    write('HSET', probation, scope, string.format('%d %d %s', now, rounds, resting.reason))
  end
  local before = redis.call('HGET', cooling, scope)
  if not before or tonumber(string.match(before, '^%d+')) < moment then
    write('HSET', cooling, scope, string.format('%d %s', moment, resting.reason))
  end
  touch(scope)
end

local word = close()
if word == 'closed' then
  leave_sooner()
end
if word == 'closed' or word == 'late' then
  local throttles, failures = amend_streak(asked.ruling.streak)
  if asked.ruling.learned then
    learn(asked.ruling.learned)
  end
  if asked.ruling.proves then
    prove()
  end
  if asked.ruling.rest then
    rest(asked.ruling.rest, throttles, failures)
  end
end
return answer(word)
