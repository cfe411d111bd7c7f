internal import CLinux

/// Received bytes: contiguous, appended by a socket, consumed from the front by a parser.
package struct ReadBuffer: Sendable {
    private var storage: [UInt8]
    private var start = 0
    private var end = 0

    /// `capacity` in bytes. The buffer grows only by `reserve`.
    package init(capacity: Int) {
        storage = [UInt8](repeating: 0, count: capacity)
    }

    package var readableCount: Int { end - start }
    package var isEmpty: Bool { start == end }
    package var capacity: Int { storage.count }
    /// Free bytes at the end, without moving data.
    package var freeCount: Int { storage.count - end }

    /// The bytes that were received and not consumed.
    package var readable: RawSpan {
        @_lifetime(borrow self)
        get { unsafe storage.span.bytes.extracting(start..<end) }
    }

    /// The same bytes as a span, for parsers.
    package var readableBytes: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(start..<end) }
    }

    package subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < readableCount, "a byte was read before it arrived")
        return storage[start + offset]
    }

    /// A copy of readable bytes. Offsets count from the first unconsumed byte.
    package func bytes(_ range: Range<Int>) -> [UInt8] {
        precondition(range.upperBound <= readableCount, "bytes were read before they arrived")
        return Array(storage[start + range.lowerBound..<start + range.upperBound])
    }

    package mutating func consume(_ count: Int) {
        precondition(count <= readableCount, "more bytes were consumed than have arrived")
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Makes space for `free` more bytes: moves the data to the front, and grows if necessary.
    package mutating func reserve(free: Int) {
        guard freeCount < free else { return }
        if start > 0 {
            let count = readableCount
            _ = unsafe storage.withUnsafeMutableBytes { bytes in
                unsafe memmove(bytes.baseAddress!, bytes.baseAddress! + start, count)
            }
            start = 0
            end = count
        }
        if freeCount < free {
            storage += [UInt8](repeating: 0, count: free - freeCount)
        }
    }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        reserve(free: bytes.count)
        storage.replaceSubrange(end..<end + bytes.count, with: bytes)
        end += bytes.count
    }

    /// Lets `fill` write into the free space. It returns the number of bytes it wrote, or a negative number.
    package mutating func fill<Failure: Error>(
        _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        let range = end..<storage.count
        let count = try unsafe storage.withUnsafeMutableBufferPointer { bytes throws(Failure) in
            try unsafe fill(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: bytes[range])))
        }
        if count > 0 { end += count }
        return count
    }
}
