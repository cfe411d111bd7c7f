internal import CZlib

/// Decompresses a gzip text (RFC 1952) in pieces, so that a caller can stop a small text that would become a
/// huge one.
///
/// zlib decompresses: every distribution repairs its defects.
// SAFETY: only this object has the stream's address. zlib's state points back to the stream, so it lives in
// memory of its own and does not move. Pointers to input and output are valid during one call of `inflate`.
@safe package final class GzipDecoder {
    private let stream: UnsafeMutablePointer<z_stream>
    private let input: [UInt8]
    /// Bytes of `input` that are read.
    private var consumed = 0
    /// Whether a member (RFC 1952 section 2.2) has begun and not ended.
    private var isInMember = true

    /// The window of zlib, 2^15 bytes, and 16 for gzip's frame only.
    private static let windowBits: Int32 = 15 + 16

    /// - Parameter input: the whole text.
    /// - Throws: `CompressionError.outOfMemory`.
    package init(_ input: [UInt8]) throws(CompressionError) {
        self.input = input
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe inflateInit2_(
            stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        // `deinit` runs also after this, and `inflateEnd` accepts a stream without a state.
        guard code == Z_OK else { throw .outOfMemory }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The next bytes, `maximumBytes` at most; none at the end of a member. Nil at the end of the text.
    ///
    /// - Throws: `CompressionError`. The decoder cannot be used after that.
    package func next(maximumBytes: Int) throws(CompressionError) -> [UInt8]? {
        if !isInMember {
            guard consumed < input.count else { return nil }
            guard unsafe inflateReset(stream) == Z_OK else { throw .malformed }
            isInMember = true
        }
        var code = Z_OK
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: maximumBytes) { output, count in
            unsafe input.withUnsafeBufferPointer { input in
                // zlib does not write to its input.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress.map { unsafe $0 + consumed })
                unsafe stream.pointee.avail_in = UInt32(clamping: input.count - consumed)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(clamping: maximumBytes)
                let available = unsafe stream.pointee.avail_in
                unsafe code = inflate(stream, Z_NO_FLUSH)
                unsafe consumed += Int(available - stream.pointee.avail_in)
                unsafe count = maximumBytes - Int(stream.pointee.avail_out)
            }
        }
        switch code {
        case Z_STREAM_END: isInMember = false
        // No progress is possible: there is space for output, so the input has ended.
        case Z_BUF_ERROR: throw .truncated
        case Z_MEM_ERROR: throw .outOfMemory
        case Z_OK where piece.isEmpty && consumed == input.count: throw .truncated
        case Z_OK: break
        default: throw .malformed
        }
        return piece
    }
}
