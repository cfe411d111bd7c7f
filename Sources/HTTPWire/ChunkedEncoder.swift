/// Writes the chunked transfer coding.
package enum ChunkedEncoder {
    /// Ends a body without trailers.
    package static let end: [UInt8] = Array("0\r\n\r\n".utf8)

    /// The line before a chunk of `size` bytes. `size` must not be zero: that would end the body.
    package static func sizeLine(_ size: Int) -> [UInt8] {
        precondition(size > 0, "an empty chunk ends a chunked body")
        return Array(String(size, radix: 16).utf8) + [ByteClass.carriageReturn, ByteClass.lineFeed]
    }
}
