internal import Encoding

/// The id of a key: 8 bytes of a keyed hash of a constant, so that it can be stored and shown.
package struct KeyID: Hashable, Sendable, CustomStringConvertible {
    static let byteCount = 8

    let bytes: [UInt8]

    init(_ key: Secret) {
        bytes = Array(
            HMAC.sha256(key: key, message: Array("multiconnect/1/key id".utf8)).prefix(Self.byteCount))
    }

    init(bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    /// 16 hexadecimal digits, as stored in `key_id` columns.
    package var text: String { Hex.encode(bytes) }
    package var description: String { text }
}
