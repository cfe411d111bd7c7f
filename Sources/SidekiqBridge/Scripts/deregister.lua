-- Removes a stopped process. ARGV: identity.

redis.call('SREM', 'processes', ARGV[1])
if redis.call('GET', 'multiconnect:watch') == ARGV[1] then redis.call('DEL', 'multiconnect:watch') end
return redis.call('DEL', ARGV[1], ARGV[1] .. ':workers', ARGV[1] .. ':work', ARGV[1] .. '-signals')
