-- Removes entries in flight. ARGV: their keys.

forget(1)
return #ARGV
