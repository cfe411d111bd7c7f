package import Cryptography
package import Postgres

/// Checks at start whether `SECRET` is the one that sealed the credentials.
package enum KeyCheck {
    /// The result of comparing our keys with the database.
    enum Verdict: Equatable {
        case known
        /// The first start, or the first after a rotation: store the key's check value.
        case note
        case refuse(String)
    }

    /// Throws `.wrongSecret`, which names the variable at fault, unless our keys open every stored
    /// credential. Stores the check value of a new key.
    package static func verify(_ keys: KeyRing, on connection: PostgresConnection) async throws {
        try await connection.transaction { connection in
            let store = KeyCheckStore(on: connection)
            // Serializes concurrent first starts: the second sees the key of the first.
            try await store.lock()
            let credentials =
                try await CredentialStore(on: connection).keyIDs()
                + ReaderLoginStore(on: connection).keyIDs()
            switch verdict(keys, stored: try await store.all(), credentials: credentials) {
            case .known: return
            case .note: try await store.insert(keys.current.id.text, checkValue: keys.current.checkValue)
            case .refuse(let message): throw OrganizationsError(.wrongSecret, message)
            }
        }
    }

    static func verdict(_ keys: KeyRing, stored: [String: [UInt8]], credentials: [String]) -> Verdict {
        let ring = keys.all
        for key in ring {
            if let value = stored[key.id.text], !key.matches(checkValue: value) {
                return .refuse(
                    "\(name(key, in: keys)) is not the key that this database has under the same id")
            }
        }
        if let missing = credentials.first(where: { id in !ring.contains { $0.id.text == id } }) {
            return .refuse(
                "SECRET is not the key that sealed the credentials (key \(missing)). "
                    + "Set SECRET_PREVIOUS to the old key until `multiconnect credentials reseal` "
                    + "has finished"
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
