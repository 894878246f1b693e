-- Prolongs an active lease.
--
-- asked.id, asked.fence   whose
-- asked.lease             how long it lasts from now
-- asked.longest           how long it can last from its grant
--
-- Answers: active, SPAN (how long it goes on); ended.

local key = named('lease', asked.id)
local lease = read(key, 'domain', 'fence', 'granted', 'expires', 'state', 'client')
local expires = tonumber(lease.expires or 0)
if lease.state ~= 'active' or tonumber(lease.fence) ~= asked.fence or now >= expires then
  return answer('ended')
end

local later = math.min(now + asked.lease, lease.granted + asked.longest)
if later > expires then
  expires = later
  write('HSET', key, 'expires', expires)
  write('ZADD', named('flight', lease.domain), expires, lease.fence)
  write('ZADD', agenda, expires, asked.id)
  write('ZADD', named('held', lease.client), expires, asked.id)
end
stamp()
return answer('active', expires - now)
