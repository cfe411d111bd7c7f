import COpenSSL

/// Bytes that must not be printed: every textual form, including `dump` and `Mirror`, is `<redacted>`.
///
/// The bytes have their own memory, which is overwritten when the last copy is released. The result of
/// `reveal` is an ordinary value.
package struct Secret: Sendable {
    private let storage: Storage

    /// Copies the bytes. The caller is responsible for its own copy.
    package init(_ bytes: some Sequence<UInt8>) {
        storage = Storage(Array(bytes))
    }

    /// The UTF-8 bytes of a text, such as a token.
    package init(text: String) {
        self.init(text.utf8)
    }

    package var count: Int { storage.count }
    package var isEmpty: Bool { count == 0 }

    /// The plain bytes. The name is easy to search for.
    package func reveal() -> [UInt8] {
        unsafe storage.withBytes { unsafe Array($0) }
    }

    /// The plain text. Nil if the bytes are not UTF-8.
    package func revealText() -> String? {
        String(validating: reveal(), as: UTF8.self)
    }

    func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try unsafe storage.withBytes(body)
    }

    // SAFETY: the memory is written in the initializer, before the object is shared, and only read until the
    // deinitializer, which runs after the last reference.
    @safe private final class Storage: @unchecked Sendable {
        private let memory: UnsafeMutableRawBufferPointer

        init(_ bytes: [UInt8]) {
            unsafe memory = .allocate(byteCount: max(bytes.count, 1), alignment: 1)
            unsafe memory.copyBytes(from: bytes)
            count = bytes.count
        }

        let count: Int

        func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
            try unsafe body(UnsafeRawBufferPointer(start: memory.baseAddress, count: count))
        }

        deinit {
            unsafe OPENSSL_cleanse(memory.baseAddress, memory.count)
            unsafe memory.deallocate()
        }
    }
}

extension Secret: Equatable {
    /// Takes constant time.
    package static func == (a: Secret, b: Secret) -> Bool {
        unsafe a.withBytes { first in
            unsafe b.withBytes { second in unsafe equalInConstantTime(first, second) }
        }
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
