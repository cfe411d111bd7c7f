internal import Postgres

/// Rows of `end_user_logins`. This type is the table's only writer.
struct EndUserLoginStore {
    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// The data that was stored when the login began.
    struct Begun {
        let verifier: [UInt8]
        let loginURL: String
        let purpose: EndUserLogin.Purpose
        let returnPath: String
    }

    /// Stores a login, and removes some that have expired.
    func insert(stateHash: [UInt8], browserHash: [UInt8], _ login: Begun) async throws {
        _ = try await connection.execute(
            """
            delete from multiconnect.end_user_logins where state_hash in (
                select state_hash from multiconnect.end_user_logins where expires_at < now()
                order by expires_at limit 100)
            """)
        let lifetime = OrganizationsLimits.endUserLogin.timeInterval
        _ = try await connection.execute(
            """
            insert into multiconnect.end_user_logins
                (state_hash, browser_hash, verifier, login_url, purpose, return_path, expires_at)
            values (\(stateHash), \(browserHash), \(login.verifier), \(login.loginURL),
                \(login.purpose.rawValue), \(login.returnPath),
                now() + make_interval(secs => \(lifetime)::float8))
            """)
    }

    /// Uses up the state: one statement, so that only one of two callbacks gets it. Nil for a state that is
    /// unknown, used, expired, or of another browser.
    func take(stateHash: [UInt8], browserHash: [UInt8]) async throws -> Begun? {
        let rows = try await connection.query(
            """
            update multiconnect.end_user_logins set used_at = now()
            where state_hash = \(stateHash) and browser_hash = \(browserHash) and used_at is null
              and expires_at > now()
            returning verifier, login_url, purpose, return_path
            """)
        return try rows.first.map { row in
            Begun(
                verifier: try row["verifier"], loginURL: try row["login_url"],
                purpose: EndUserLogin.Purpose(rawValue: try row["purpose"]) ?? .session,
                returnPath: try row["return_path"])
        }
    }
}
