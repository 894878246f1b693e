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
--   after               {failures, millis}: only from so many failures in a row on
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

local function rest_ends(length, throttles, failures)
  if length.wait then
    return now + length.wait.millis
  elseif length.backoff then
    local doublings = math.min(math.max(throttles - 1, 0), 16)
    return now + math.min(length.backoff.first * 2 ^ doublings, length.backoff.longest)
  elseif length.after then
    return failures >= length.after.failures and now + length.after.millis
  end
  return number(lease.day_end)
end

-- A rest is never shortened.
local function rest(on, moment, reason)
  local scope = redis.call('HGET', lease_key, on .. '_scope')
  local before = redis.call('HGET', cooling, scope)
  if not before or tonumber(string.match(before, '^%d+')) < moment then
    write('HSET', cooling, scope, string.format('%d %s', moment, reason))
    touch(scope)
  end
end

local word = close()
if word == 'closed' then
  leave_sooner()
end
if word == 'closed' or word == 'late' then
  local throttles, failures = amend_streak(asked.ruling.streak)
  local resting = asked.ruling.rest
  local moment = resting and rest_ends(resting.length, throttles, failures)
  if moment then
    rest(resting.on, moment, resting.reason)
  end
end
return answer(word)
