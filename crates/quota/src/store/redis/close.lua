-- What settle.lua and release.lua share: how a lease is closed, once. After record.lua.
--
-- asked.id, asked.fence            whose
-- asked.ending                     how, as text: the same text again is a repetition, another contradicts
-- asked.reckoning                  what the call took: reserved, nothing or delivered {images, image_tokens}
-- asked.heard                      outcome, images and tokens, for the usage log
-- asked.remembered, asked.awaited  how long a closed lease is remembered; how long one that expired is, from the
--                                  end of its term

local lease_key = named('lease', asked.id)
local lease = read(lease_key, 'domain', 'fence', 'granted', 'expires', 'state', 'ending', 'days', 'day_end',
  'client', 'price', 'tokens')

-- What the call took, in pictures and millionths of a dollar; `store/order.rs` has the rule.
local function taken()
  local price, tokens = tonumber(lease.price), tonumber(lease.tokens)
  local delivered = asked.reckoning.delivered
  if asked.reckoning == 'reserved' then
    return 1, price
  elseif not delivered then
    return 0, 0
  elseif delivered.image_tokens > 0 and tokens > 0 then
    return delivered.images, math.floor(price * delivered.image_tokens / tokens)
  end
  return delivered.images, price * delivered.images
end

-- Puts what the call took in the place of what was reserved, unless its day is long past.
local function reckon()
  local spent, day = named('client', lease.client), string.match(lease.days, '^%d+')
  local images, cost = taken()
  for what, change in pairs({ images = images - 1, spend = cost - lease.price }) do
    local field = what .. ':' .. day
    local before = tonumber(redis.call('HGET', spent, field) or nil)
    if before and change ~= 0 then
      redis.call('HSET', spent, field, math.max(0, before + change))
    end
  end
end

-- Records what was heard of the call, unless no call was made and none was supposed.
local function record()
  local amends = lease.state == 'expired'
  if asked.heard.outcome == 'released' and not amends then
    return
  end
  local _, cost = taken()
  local heard = asked.heard
  heard.amends, heard.possibly_billed = amends, asked.reckoning == 'reserved'
  heard.cost = cost - (amends and tonumber(lease.price) or 0)
  append_usage(asked.id, heard)
end

-- Answers with the word for the caller. Closed and late are new; after any other nothing may be written.
local function close()
  if not lease.state then
    return 'unknown'
  elseif tonumber(lease.fence) ~= asked.fence then
    return 'fenced'
  elseif lease.state == 'closed' or lease.state == 'late' then
    return lease.ending == asked.ending and 'duplicate' or 'conflict'
  end
  local in_time = lease.state == 'active' and now < tonumber(lease.expires)
  local word = in_time and 'closed' or 'late'
  write('HSET', lease_key, 'state', word, 'ending', asked.ending, 'at', in_time and now or 0)
  write('ZADD', agenda, in_time and now + asked.remembered or lease.expires + asked.awaited, asked.id)
  redis.call('ZREM', named('flight', lease.domain), lease.fence)
  redis.call('ZREM', named('held', lease.client), asked.id)
  touch('domain ' .. lease.domain)
  touch_tried(lease_key)
  reckon()
  record()
  stamp()
  return word
end
