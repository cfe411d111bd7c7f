-- Replaces the weights of tenants. ARGV: id and weight of each tenant.

redis.call('DEL', 'multiconnect:weights')
for i = 1, #ARGV, 2 do redis.call('HSET', 'multiconnect:weights', ARGV[i], ARGV[i + 1]) end
return #ARGV / 2
