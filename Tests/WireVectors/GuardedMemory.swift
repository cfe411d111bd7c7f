import Glibc

/// Memory whose last byte is followed by an unmapped page: reading beyond the end crashes the process.
package final class GuardedMemory {
    private let base: UnsafeMutableRawPointer
    private let size: Int
    private let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))

    package init(capacity: Int = 1 << 20) {
        size = (capacity + pageSize - 1) / pageSize * pageSize
        base = mmap(nil, size + pageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(
            base != MAP_FAILED && mprotect(base + size, pageSize, PROT_NONE) == 0, "no guarded memory")
    }

    deinit {
        munmap(base, size + pageSize)
    }

    /// Calls `body` with `bytes` at the very end of the memory.
    func with<Result, Failure: Error>(
        _ bytes: ArraySlice<UInt8>, _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(bytes.count <= size, "more bytes than there is guarded memory")
        let start = base + size - bytes.count
        bytes.withUnsafeBytes { source in
            if let address = source.baseAddress { memcpy(start, address, bytes.count) }
        }
        let pointer = UnsafePointer(start.assumingMemoryBound(to: UInt8.self))
        return try body(Span(_unsafeStart: pointer, count: bytes.count))
    }
}
