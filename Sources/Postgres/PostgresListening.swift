extension PostgresConnection {
    /// Subscribes this session to NOTIFY on a channel.
    package func listen(_ channel: String) async throws {
        try await script("listen \(SQL.quote(identifier: channel))")
    }

    package func unlisten(_ channel: String) async throws {
        try await script("unlisten \(SQL.quote(identifier: channel))")
    }

    /// Sends a notification when the transaction commits.
    package func notify(_ channel: String, payload: String = "") async throws {
        try await execute("select pg_notify(\(channel), \(payload))")
    }

    /// The next notification, which may have arrived with an earlier answer. Nil if none arrives by
    /// `deadline`.
    ///
    /// - Throws: `.connection` if the connection is lost. A listener has no other way to notice.
    package func nextNotification(deadline: ContinuousClock.Instant) async throws -> PostgresNotification? {
        do {
            return try await exclusively(deadline: deadline) { deadline in
                while true {
                    if let notification = try link.takeNotification() { return notification }
                    try await link.wait(for: .readable, deadline: deadline)
                    try link.noticeInput()
                }
            }
        } catch let error as PostgresError where error.code == .timedOut {
            return nil
        }
    }
}
