/// Wraps bytes as gzip (RFC 1952) without compressing them: blocks of type "stored" (RFC 1951, 3.2.4).
///
/// Clients must be able to read it, it costs little, and its length is known in advance.
struct GzipFrame: Sendable {
    /// No name, no time, unknown system.
    static let head: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
    /// The most bytes of a stored block.
    static let blockBytes = 65_535

    private var checksum = CRC32()
    private var count = 0

    /// The total length for pieces of these lengths.
    static func length(pieces: [Int]) -> Int {
        let blocks = pieces.reduce(0) { $0 + ($1 + blockBytes - 1) / blockBytes }
        return head.count + pieces.reduce(0, +) + 5 * blocks + 5 + 8
    }

    /// A piece as stored blocks.
    mutating func framed(_ piece: ArraySlice<UInt8>) -> [UInt8] {
        checksum.add(piece)
        count += piece.count
        var framed: [UInt8] = []
        framed.reserveCapacity(piece.count + 5 * (piece.count / Self.blockBytes + 1))
        var rest = piece
        while !rest.isEmpty {
            let block = rest.prefix(Self.blockBytes)
            Self.appendHead(block.count, isLast: false, to: &framed)
            framed.append(contentsOf: block)
            rest = rest.dropFirst(block.count)
        }
        return framed
    }

    /// An empty last block, checksum and length.
    var tail: [UInt8] {
        var tail: [UInt8] = []
        Self.appendHead(0, isLast: true, to: &tail)
        for word in [checksum.value, UInt32(truncatingIfNeeded: count)] {
            for shift in [0, 8, 16, 24] as [UInt32] { tail.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return tail
    }

    private static func appendHead(_ count: Int, isLast: Bool, to bytes: inout [UInt8]) {
        bytes.append(isLast ? 1 : 0)
        let length = UInt16(count)
        for word in [length, ~length] {
            bytes.append(UInt8(truncatingIfNeeded: word))
            bytes.append(UInt8(truncatingIfNeeded: word >> 8))
        }
    }

    /// A complete body.
    static func body(_ bytes: [UInt8]) -> [UInt8] {
        var frame = GzipFrame()
        return head + frame.framed(bytes[...]) + frame.tail
    }
}
