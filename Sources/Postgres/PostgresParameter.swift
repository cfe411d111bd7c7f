/// One value on its way to the server.
package struct PostgresParameter: Sendable, Hashable {
    /// The type's OID; 0 leaves it to the server.
    package let type: UInt32
    package let isBinary: Bool
    /// nil is NULL.
    package let bytes: [UInt8]?

    package init(type: UInt32 = 0, isBinary: Bool = false, bytes: [UInt8]?) {
        self.type = type
        self.isBinary = isBinary
        self.bytes = bytes
    }

    package init(text: String, type: UInt32 = 0) {
        self.init(type: type, bytes: Array(text.utf8))
    }
}

/// OIDs of `pg_type` that this target names; they are fixed in every server.
enum TypeOID {
    static let bytea: UInt32 = 17
    static let interval: UInt32 = 1186
}
