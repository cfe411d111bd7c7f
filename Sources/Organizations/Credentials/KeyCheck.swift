package import Cryptography
package import Postgres

/// Checks at start whether `SECRET` is the one that sealed the stored secrets.
package enum KeyCheck {
    /// The result of comparing our keys with the database.
    enum Verdict: Equatable {
        case known
        /// The first start, or the first after a rotation: store the key's check value.
        case note
        case refuse(String)
    }

    /// Needed values of one kind that one key sealed.
    struct Use: Equatable {
        let kind: String
        let keyID: String
        let count: Int
    }

    /// Throws `.wrongSecret`, which names the variable at fault, unless our keys open every stored secret,
    /// apart from those that end by themselves. Stores the check value of a new key.
    ///
    /// - Parameter columns: all columns that `SECRET` seals.
    package static func verify(
        _ keys: KeyRing, columns: [SealedColumn], on connection: PostgresConnection
    ) async throws {
        try await connection.transaction { connection in
            let store = KeyCheckStore(on: connection)
            // Serializes concurrent first starts: the second sees the key of the first.
            try await store.lock()
            var uses: [Use] = []
            for column in columns {
                let counts = try await SealedColumnStore(column, on: connection).neededKeys()
                for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
                    uses.append(Use(kind: column.kind, keyID: key, count: count))
                }
            }
            switch verdict(keys, stored: try await store.all(), uses: uses) {
            case .known: return
            case .note: try await store.insert(keys.current.id.text, checkValue: keys.current.checkValue)
            case .refuse(let message): throw OrganizationsError(.wrongSecret, message)
            }
        }
    }

    static func verdict(_ keys: KeyRing, stored: [String: [UInt8]], uses: [Use]) -> Verdict {
        let ring = keys.all
        for key in ring {
            if let value = stored[key.id.text], !key.matches(checkValue: value) {
                return .refuse(
                    "\(name(key, in: keys)) is not the key that this database has under the same id")
            }
        }
        let missing = uses.filter { use in !ring.contains { $0.id.text == use.keyID } }
        if !missing.isEmpty {
            let list = missing.map { "\($0.kind): \($0.count), key \($0.keyID)" }.joined(separator: "; ")
            return .refuse(
                "SECRET is not the key that sealed all stored secrets (\(list)). "
                    + "Set SECRET_PREVIOUS to the old key until `multiconnect credentials reseal` "
                    + "has finished. If the old key is lost, see docs/operations.md, Without a copy of SECRET"
            )
        }
        if stored[keys.current.id.text] != nil { return .known }
        guard stored.isEmpty || ring.contains(where: { stored[$0.id.text] != nil }) else {
            return .refuse(
                "SECRET is not the key that this database was set up with. "
                    + "During a rotation set SECRET_PREVIOUS to the old key")
        }
        return .note
    }

    private static func name(_ key: SecretKey, in keys: KeyRing) -> String {
        key.id == keys.current.id ? "SECRET" : "SECRET_PREVIOUS"
    }
}
