/// A reproducible source of random numbers (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number below `bound`. Its slight bias is harmless here, and it is faster than `Int.random`.
    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}

/// Damages vectors: changes, removes, inserts or repeats bytes, or joins two vectors.
package struct Mutator {
    package static let maximumBytes = 4096

    package var random: SeededGenerator
    private let vectors: [[UInt8]]

    /// Bytes with a meaning for the parsers are more frequent.
    private static let significant = Array("\r\n \t:;,0159aFGHh/*?#%\"\u{0}\u{7f}".utf8) + [0x80, 0xC3, 0xFF]
    /// Whole tokens with a meaning for the parsers.
    private static let pieces: [[UInt8]] = [
        "\r\n", "\r\n\r\n", "Host: a\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
        " HTTP/1.1\r\n",
        "0\r\n\r\n", "1\r\nx\r\n", ";a=b", "X: y\r\n", "GET / HTTP/1.1\r\n", "http://", "\r\n ",
    ].map { Array($0.utf8) }

    package init(_ vectors: [[UInt8]], seed: UInt64) {
        self.vectors = vectors
        random = SeededGenerator(seed: seed)
    }

    /// The next input.
    package mutating func next() -> [UInt8] {
        var bytes = vectors[random.below(vectors.count)]
        for _ in 0..<random.below(5) { damage(&bytes) }
        if bytes.count > Self.maximumBytes { bytes.removeLast(bytes.count - Self.maximumBytes) }
        return bytes
    }

    /// A position to split `bytes`.
    package mutating func split(_ bytes: [UInt8]) -> Int { random.below(bytes.count + 1) }

    private mutating func damage(_ bytes: inout [UInt8]) {
        let index = random.below(bytes.count + 1)
        let byte =
            random.below(4) == 0
            ? UInt8(truncatingIfNeeded: random.next())
            : Self.significant[random.below(Self.significant.count)]
        switch random.below(8) {
        case 0, 1: if index < bytes.count { bytes[index] = byte }
        case 2: if index < bytes.count { bytes.remove(at: index) }
        case 3: bytes.insert(byte, at: index)
        case 4: bytes.insert(contentsOf: Self.pieces[random.below(Self.pieces.count)], at: index)
        case 5:
            let end = index + random.below(bytes.count - index + 1)
            bytes.insert(contentsOf: Array(bytes[index..<end]), at: index)
        case 6: bytes.removeLast(bytes.count - index)
        default:
            let other = vectors[random.below(vectors.count)]
            bytes.replaceSubrange(index..., with: other[random.below(other.count + 1)...])
        }
    }
}
