-- The ledger in Redis: what every operation's script begins with. Layout 1.
--
-- A script runs as one atomic step, but an error in it takes nothing back: each checks everything before it
-- writes anything, and begins with a write that a full or demoted server refuses. A refusal and a look write
-- nothing at all.
--
-- KEYS[1]  the root, `{PREFIX}:1`; 1 is the layout. Every other key begins with it, so that its hash tag puts the
--          whole ledger into one slot of a cluster, where scripts may reach keys that only a lease tells of.
-- ARGV[1]  the present moment, or empty for the server's TIME
-- ARGV[2]  the latest moment that the caller has seen; time never runs behind it
-- ARGV[3]  what is asked, as JSON
-- ARGV[4]  the service that asks
-- ARGV[5]  the incarnation of the ledger that it last testified in, as testify.lua has it; 0 if in none
--
-- Moments are milliseconds since the Unix epoch, spans are milliseconds. A domain, an account and a scope are
-- words as `store/key.rs` spells them. Every key but those of the usage log is
-- dropped 48 hours after it was last written.
--
-- ROOT                 hash   now: the latest moment at which something was written; fence: the last that was given;
--                             incarnation, before, run, began, known, base, settles, ends, told, claimed: see
--                             incarnation.lua
-- ROOT:heard           zset   service by when it was last heard of in this incarnation
-- ROOT:missing         zset   service that may know of grants that this incarnation lost, by when these have left the
--                             minute windows
-- ROOT:lease:ID        hash   account, domain, fence, granted, start_by, expires, day_end; days: the starts of
--                             those it is charged to, its own first; client, request, resolution; counts: whether the
--                             request was counted by it; price and tokens of one picture; domain_scope,
--                             account_scope, access_scope, project_scope, pool_scope: what may rest for it; state:
--                             active, closed, expired or late; at: when it was closed; ending: how
-- ROOT:agenda          zset   ID by when it next needs attention: to expire, or to be forgotten
-- ROOT:minute:DOMAIN   zset   fence by when its unit leaves the minute window
-- ROOT:flight:DOMAIN   zset   fence by when the active lease ends
-- ROOT:domain:DOMAIN   hash   day:START: units charged; throttles, throttled_at, failures: the streak; limit:QUOTA,
--                             told:QUOTA: a limit that the provider told, and when it did last
-- ROOT:requests:CLIENT zset   request by when it was counted
-- ROOT:held:CLIENT     zset   ID by when the active lease ends
-- ROOT:client:CLIENT   hash   images:START, spend:START: pictures and millionths of a dollar
-- ROOT:cooling         hash   scope: `UNTIL REASON`
-- ROOT:probation       hash   scope: `SINCE ROUNDS REASON`, and the ID of the lease that tried it last
-- ROOT:used            hash   account: the fence of its last lease
-- ROOT:usage           stream the usage log: record: JSON, as `store/usage.rs` spells it
-- ROOT:totals:DAY      hash   `WHAT CLIENT ACCOUNT MODEL` by the start of a day; what: calls, images, tokens, cost
-- ROOT:totals:days     zset   the starts of those days
-- ROOT:changes         the channel on which every script that writes tells what it changed: a scope a line, or
--                      `everything`
--
-- A later version may add keys and fields, which these scripts leave alone; whatever else it changes needs another
-- layout. Scripts go by the digest of their text, so that two versions of them run side by side.

local root = KEYS[1]
local asked = cjson.decode(ARGV[3])
local KEEP = 48 * 60 * 60 * 1000
-- How long a probation lasts; `store/probation.rs` says why.
local PROBATION = 24 * 60 * 60 * 1000

local time = tonumber(ARGV[1])
if not time then
  local clock = redis.call('TIME')
  time = clock[1] * 1000 + math.floor(clock[2] / 1000)
end
local now = math.max(time, tonumber(ARGV[2]), tonumber(redis.call('HGET', root, 'now') or 0))

-- What changed, each once.
local touched = {}

local function touch(scope)
  if not touched[scope] then
    touched[scope] = true
    table.insert(touched, scope)
  end
end

-- Every answer begins with a word, the ledger's present moment, and the server's own. Changes are told before it.
local function answer(word, ...)
  if #touched > 0 then
    redis.call('PUBLISH', root .. ':changes', table.concat(touched, '\n'))
  end
  return { word, now, time, ... }
end

local function named(kind, name)
  return root .. ':' .. kind .. ':' .. name
end

local agenda, cooling, used = root .. ':agenda', root .. ':cooling', root .. ':used'
local probation, usage = root .. ':probation', root .. ':usage'

local function write(command, key, ...)
  redis.call(command, key, ...)
  redis.call('PEXPIRE', key, KEEP)
end

-- Time does not fall behind a moment at which something was written.
local function stamp()
  write('HSET', root, 'now', now)
end

local function read(key, ...)
  local fields, record = { ... }, {}
  for i, value in ipairs(redis.call('HMGET', key, ...)) do
    record[fields[i]] = value
  end
  return record
end

-- A lease as it is told to the caller: its name, and its hash.
local function told(id)
  return { id, redis.call('HGETALL', named('lease', id)) }
end

-- What stands of a scope's probation, if it has not lapsed: since, rounds, reason, probe.
local function trial_of(text)
  local since, rounds, reason, probe = string.match(text or '', '^(%d+) (%d+) (%S+) ?(%S*)$')
  if since and since + PROBATION > now then
    return { since = tonumber(since), rounds = tonumber(rounds), reason = reason, probe = probe }
  end
end

-- What scopes have to prove: for each that is on probation what stands of it, and in `ends` when the active lease ends
-- that tries it, or 0.
local function trials_of(scopes)
  local trials = {}
  for i, text in ipairs(#scopes > 0 and redis.call('HMGET', probation, unpack(scopes)) or {}) do
    local trial = text and trial_of(text)
    if trial then
      local lease = trial.probe ~= '' and read(named('lease', trial.probe), 'state', 'expires') or {}
      local is_active = lease.state == 'active' and tonumber(lease.expires) > now
      trial.ends = is_active and tonumber(lease.expires) or 0
      trials[scopes[i]] = trial
    end
  end
  return trials
end

-- What a call belongs to, as its lease tells.
local SCOPES = { 'domain', 'account', 'access', 'project', 'pool' }

-- Tells that a lease has ended by which something on probation may have been tried.
local function touch_tried(lease_key)
  for _, on in ipairs(redis.call('EXISTS', probation) == 1 and SCOPES or {}) do
    touch(redis.call('HGET', lease_key, on .. '_scope'))
  end
end

-- The end of a scope's rest; 0 when it does not rest.
local function rests_until(scope)
  local until_reason = redis.call('HGET', cooling, scope)
  local moment = until_reason and tonumber(string.match(until_reason, '^%d+')) or 0
  return moment > now and moment or 0
end

-- Forgets what is kept by days of those that are over.
local function drop_days(key, today)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local start = tonumber(string.match(field, ':(%d+)$'))
    if start and start < today then
      redis.call('HDEL', key, field)
    end
  end
end

-- All that ranking and hints go by: for each domain what is counted, for each scope what rests it and what it has to
-- prove: {since, rounds, reason, ends}.
local function snapshot(domains, scopes, accounts)
  local after = '(' .. now
  local counted = {}
  for i, domain in ipairs(domains) do
    counted[i] = {
      redis.call('ZRANGEBYSCORE', named('minute', domain), after, '+inf', 'WITHSCORES'),
      redis.call('ZRANGEBYSCORE', named('flight', domain), after, '+inf', 'WITHSCORES'),
      redis.call('HGETALL', named('domain', domain)),
    }
  end
  local resting = #scopes > 0 and redis.call('HMGET', cooling, unpack(scopes)) or {}
  local trials, proving = trials_of(scopes), {}
  for i, scope in ipairs(scopes) do
    local trial = trials[scope]
    proving[i] = trial and { trial.since, trial.rounds, trial.reason, trial.ends } or false
  end
  local last = #accounts > 0 and redis.call('HMGET', used, unpack(accounts)) or {}
  return { counted, resting, proving, last }
end
