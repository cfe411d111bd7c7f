internal import Activity
internal import HTTPClient
internal import Postgres

/// Stores the errors of mails, and notifies operators of errors that concern all mails.
struct MailTrouble: Sendable {
    let pool: PostgresPool

    /// Failures in a row after which operators are notified: some minutes.
    private static let tolerated = 4

    /// Stores the error with the mail. Notifies operators of errors that concern all mails; jobs are retried
    /// until the cause is gone. Throws `.mailRefused`, which ends the job, if the server refused this mail
    /// for good.
    func note(_ error: any Error, id: Int64, failures: Int) async throws {
        let refusal = error as? HTTPClientError
        try await pool.transaction { connection in
            try await MailStore(on: connection).markFailed(id, error: "\(error)")
            guard refusal?.isPermanentRefusal != true,
                refusal?.code == .loginDenied || failures + 1 >= Self.tolerated
            else { return }
            try await MailStore(on: connection).lockFailures()
            try await NotificationStore(on: connection).addOnce(
                NotificationEvent.mailFailing, organization: nil,
                message: "Mails cannot be sent: \(error). Check SMTP_URL. Jobs retry until then.")
        }
        if let refusal, refusal.isPermanentRefusal {
            throw OrganizationsError(.mailRefused, "\(refusal)")
        }
    }
}
