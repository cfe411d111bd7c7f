/// The only source of random values: a pure function of the seed. So each cell can be computed alone, in any
/// order, and is equal in every run.
enum Mixer {
    /// SplitMix64's finaliser: each bit of the input changes half of the output.
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number for a name under a seed (FNV-1a, then mixed).
    static func key(_ seed: UInt64, _ parts: String...) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ mix(seed)
        for part in parts {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01B3
        }
        return mix(hash)
    }
}
