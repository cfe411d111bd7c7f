internal import HTTPServer

/// A body in memory: one array, or slices of shared arrays.
enum Pieces: Sendable {
    case whole([UInt8])
    case sliced([ArraySlice<UInt8>])

    init(_ bytes: [UInt8]) { self = .whole(bytes) }

    private var slices: [ArraySlice<UInt8>] {
        switch self {
        case .whole(let bytes): [bytes[...]]
        case .sliced(let slices): slices
        }
    }

    var lengths: [Int] { slices.map(\.count) }
    var count: Int { lengths.reduce(0, +) }

    /// Writes the first bytes without copying whole arrays.
    func write(to writer: BodyWriter, atMost limit: Int) async throws {
        var rest = limit
        for slice in slices where rest > 0 {
            let part = slice.prefix(rest)
            rest -= part.count
            try await writer.write(Array(part))
        }
    }

    /// Writes everything as gzip.
    func writeGzip(to writer: BodyWriter) async throws {
        var frame = GzipFrame()
        try await writer.write(GzipFrame.head)
        for slice in slices { try await writer.write(frame.framed(slice)) }
        try await writer.write(frame.tail)
    }
}
