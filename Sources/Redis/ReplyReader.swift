internal import CHiredis

/// The reader of hiredis: turns bytes into complete replies.
@safe struct ReplyReader: ~Copyable {
    private let reader: UnsafeMutablePointer<redisReader>

    init() {
        guard let reader = unsafe redisReaderCreate() else {
            preconditionFailure("no memory for a reply reader")
        }
        unsafe self.reader = unsafe reader
    }

    deinit { unsafe redisReaderFree(reader) }

    mutating func feed(_ bytes: RawSpan) throws(RedisError) {
        let status = unsafe bytes.withUnsafeBytes { bytes in
            unsafe redisReaderFeed(
                reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard status == REDIS_OK else { throw failure() }
    }

    /// The next complete reply. Nil if its end has not arrived.
    mutating func next() throws(RedisError) -> RedisReply? {
        var pointer: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &pointer) == REDIS_OK else { throw failure() }
        guard let pointer = unsafe pointer else { return nil }
        defer { unsafe freeReplyObject(pointer) }
        return unsafe ReplyReader.value(pointer.assumingMemoryBound(to: redisReply.self))
    }

    private func failure() -> RedisError {
        let text = unsafe withUnsafeBytes(of: &reader.pointee.errstr) {
            unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisError(.unexpectedReply, operation: "read", detail: text)
    }

    private static func value(_ reply: UnsafeMutablePointer<redisReply>) -> RedisReply {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_STRING: unsafe .string(bytes(reply))
        case REDIS_REPLY_STATUS: unsafe .status(String(decoding: bytes(reply), as: UTF8.self))
        case REDIS_REPLY_INTEGER: unsafe .integer(Int(reply.pointee.integer))
        case REDIS_REPLY_NIL: .null
        case REDIS_REPLY_ARRAY:
            unsafe .array((0..<Int(reply.pointee.elements)).map { unsafe value(reply.pointee.element[$0]!) })
        case REDIS_REPLY_ERROR:
            unsafe .error(error(String(decoding: bytes(reply), as: UTF8.self)))
        case let type:
            .error(RedisError(.unexpectedReply, operation: "read", detail: "a reply of type \(type)"))
        }
    }

    private static func bytes(_ reply: UnsafeMutablePointer<redisReply>) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: reply.pointee.str, count: Int(reply.pointee.len)))
    }

    /// Redis' errors begin with an upper-case word that is the code (RESP specification).
    private static func error(_ text: String) -> RedisError {
        let word = text.prefix { $0 != " " && $0 != "\r" && $0 != "\n" }
        return RedisError(.server(String(word)), operation: "command", detail: text)
    }
}
