internal import CZlib

/// Compresses a text to gzip (RFC 1952).
package enum GzipEncoder {
    /// zlib's fastest level. Higher levels gain little with JSON.
    private static let level: Int32 = 1
    /// The window of zlib, 2^15 bytes, and 16 for gzip's frame.
    private static let windowBits: Int32 = 15 + 16
    /// zlib's standard.
    private static let memoryLevel: Int32 = 8

    /// The whole text as one member.
    ///
    /// - Throws: `CompressionError.outOfMemory`.
    @safe package static func encode(_ input: [UInt8]) throws(CompressionError) -> [UInt8] {
        // SAFETY: zlib's state points back to the stream, which does not move during this function. The
        // pointers to input and output are valid during the one call of `deflate`.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        defer { unsafe stream.deallocate() }
        let code = unsafe deflateInit2_(
            stream, level, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw .outOfMemory }
        defer { unsafe deflateEnd(stream) }
        let bound = Int(unsafe deflateBound(stream, UInt(input.count)))
        var end = Z_OK
        let output = unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            unsafe input.withUnsafeBufferPointer { input in
                // zlib does not write to its input.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(clamping: bound)
                unsafe end = deflate(stream, Z_FINISH)
                unsafe count = bound - Int(stream.pointee.avail_out)
            }
        }
        guard end == Z_STREAM_END else { throw .outOfMemory }
        return output
    }
}
