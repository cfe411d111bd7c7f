-- Makes the caller the worker that scans for external changes, or renews this role. Does nothing if another
-- worker has the role. The scanning worker also adds lanes of other clients to the ring.
-- ARGV: identity; how long it leads, in milliseconds. Returns 1 if the caller leads, else 0.

local holder = redis.call('GET', 'multiconnect:watch')
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', 'multiconnect:watch', ARGV[1], 'PX', ARGV[2])
wake(adopt())
return 1
