-- Returns entries in flight to the heads of their lanes: their rows were not claimed. ARGV: their keys.

for i = #ARGV, 1, -1 do put_back(ARGV[i]) end
wake(#ARGV)
return #ARGV
