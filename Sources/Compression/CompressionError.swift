/// Why a text is not decompressed.
package enum CompressionError: Error, Sendable, Equatable {
    /// It is not gzip, or its checksum is wrong.
    case malformed
    /// It ends too early.
    case truncated
    /// zlib could not allocate its state.
    case outOfMemory
}
