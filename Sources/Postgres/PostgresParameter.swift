/// A parameter of a statement.
package struct PostgresParameter: Sendable, Hashable {
    /// The type's OID. 0 lets the server infer it.
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

/// OIDs of `pg_type` that this target uses. They are fixed in every server.
enum TypeOID {
    static let bytea: UInt32 = 17
    static let interval: UInt32 = 1186
}
