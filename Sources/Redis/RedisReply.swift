/// A reply in RESP2.
package enum RedisReply: Sendable, Equatable {
    /// A bulk string: any bytes.
    case string([UInt8])
    /// A status such as `OK`.
    case status(String)
    case integer(Int)
    case array([RedisReply])
    case null
    /// An error in an array or a pipeline. A single command throws it.
    case error(RedisError)

    /// Bytes of a string or status, else nil.
    package var bytes: [UInt8]? {
        switch self {
        case .string(let bytes): bytes
        case .status(let text): Array(text.utf8)
        default: nil
        }
    }

    /// A string or status as text, with invalid UTF-8 replaced; else nil.
    package var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    /// A number, or a string that contains one; else nil.
    package var integer: Int? {
        if case .integer(let number) = self { return number }
        return text.flatMap { Int($0) }
    }

    /// The elements of an array; else nil.
    package var elements: [RedisReply]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    package var isNull: Bool { self == .null }
}
