-- What closing and expiry share: how the usage log is written.
--
-- asked.usage_lasts, .most_usage, .totals_last   how long records are kept and how many at the most; how long sums are

-- Appends a record of a lease's end, and sums it. `heard` tells what came: outcome, images, tokens, cost,
-- possibly_billed, amends.
local function append_usage(id, heard)
  local fields = { 'request', 'client', 'account', 'domain', 'resolution', 'days' }
  local lease = read(named('lease', id), unpack(fields))
  local day = string.match(lease.days, '^%d+')
  local record = {
    at_ms = now, day_ms = tonumber(day), lease = id, request = lease.request, client = lease.client,
    account = lease.account, domain = lease.domain, resolution = lease.resolution, outcome = heard.outcome,
    images = heard.images, tokens = heard.tokens, cost_micro_usd = heard.cost,
    possibly_billed = heard.possibly_billed, amends = heard.amends,
  }
  -- A log that cannot be appended to must not keep a lease from being closed.
  redis.pcall('XADD', usage, 'MAXLEN', '~', asked.most_usage, string.format('%d-*', now), 'record', cjson.encode(record))
  redis.call('PEXPIRE', usage, asked.usage_lasts)
  local tokens = 0
  for _, some in ipairs(heard.tokens) do
    tokens = tokens + some
  end
  local totals, model = named('totals', day), string.match(lease.domain, '^%S+ %S+ (.*)$')
  local sums = { calls = heard.amends and 0 or 1, images = heard.images, tokens = tokens, cost = heard.cost }
  for what, units in pairs(sums) do
    if units ~= 0 then
      local field = table.concat({ what, lease.client, lease.account, model }, ' ')
      redis.call('HINCRBY', totals, field, string.format('%d', units))
    end
  end
  redis.call('PEXPIRE', totals, asked.totals_last)
  local days = named('totals', 'days')
  redis.call('ZADD', days, day, day)
  redis.call('PEXPIRE', days, asked.totals_last)
end
