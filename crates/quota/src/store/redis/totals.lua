-- Tells the sums of days; writes nothing.
--
-- asked.since, asked.until   from which moment on and before which a day begins
--
-- Answers: totals, {DAY, {FIELD, UNITS, …}}…

local days = {}
for _, day in ipairs(redis.call('ZRANGEBYSCORE', named('totals', 'days'), asked.since, '(' .. asked['until'])) do
  table.insert(days, { day, redis.call('HGETALL', named('totals', day)) })
end
return answer('totals', days)
