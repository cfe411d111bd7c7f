/// Removes NUL bytes from a stream: Salesforce stores them in text, Postgres does not.
///
/// A chunk without NUL bytes is returned without a copy.
struct NULFilter {
    /// NUL bytes removed so far.
    private(set) var removed = 0

    mutating func filter(_ chunk: [UInt8]) -> [UInt8] {
        guard Self.containsNUL(chunk.span) else { return chunk }
        let clean = chunk.filter { $0 != 0 }
        removed += chunk.count - clean.count
        return clean
    }

    /// Finds the smallest byte of a block without branches, so that the compiler vectorises the loop.
    private static func containsNUL(_ bytes: Span<UInt8>) -> Bool {
        var start = 0
        while start < bytes.count {
            let end = min(start + 4_096, bytes.count)
            var smallest = UInt8.max
            for index in start..<end { smallest = min(smallest, bytes[index]) }
            if smallest == 0 { return true }
            start = end
        }
        return false
    }
}
