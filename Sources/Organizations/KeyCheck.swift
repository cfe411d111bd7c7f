package import Cryptography
package import Postgres

/// Tells at start whether `SECRET` is the one that the credentials were sealed with.
package enum KeyCheck {
    /// What the database knows of our keys.
    enum Verdict: Equatable {
        case known
        /// The first start, or the first one after a rotation: note the key.
        case note
        case refuse(String)
    }

    /// Throws `.wrongSecret`, whose message names the variable at fault, unless every stored credential can
    /// be opened. Notes a key that is seen for the first time.
    package static func verify(_ keys: KeyRing, on connection: PostgresConnection) async throws {
        try await connection.transaction { connection in
            let store = KeyCheckStore(on: connection)
            // Two first starts come one after the other: the second sees the key of the first.
            try await store.lock()
            let credentials = try await CredentialStore(on: connection).keyIDs()
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
                return .refuse("\(name(key, in: keys)) is not the key that this database knows under its id")
            }
        }
        if let missing = credentials.first(where: { id in !ring.contains { $0.id.text == id } }) {
            return .refuse(
                "SECRET is not the key that credentials were sealed with (they need the key \(missing)); "
                    + "until `multiconnect credentials reseal` has finished, SECRET_PREVIOUS must name the old one"
            )
        }
        if stored[keys.current.id.text] != nil { return .known }
        guard stored.isEmpty || ring.contains(where: { stored[$0.id.text] != nil }) else {
            return .refuse(
                "SECRET is not the key that this database was set up with; "
                    + "during a rotation SECRET_PREVIOUS must name the old one")
        }
        return .note
    }

    private static func name(_ key: SecretKey, in keys: KeyRing) -> String {
        key.id == keys.current.id ? "SECRET" : "SECRET_PREVIOUS"
    }
}
