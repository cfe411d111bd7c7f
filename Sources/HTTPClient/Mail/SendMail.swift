internal import CCurl
internal import Reactor
internal import Synchronization

extension HTTPClient {
    /// Sends a mail to a server for all its recipients, or for none.
    ///
    /// libcurl blocks at the end of an SMTP transfer (for the reply to the message, and to QUIT), so it runs
    /// on the blocking pool. If the task is cancelled, the conversation continues to its end.
    ///
    /// Throws `HTTPClientError` with the server's name. `.refused` and `.loginDenied` have its `replyCode`
    /// (4xx: try later, 5xx: never) and `reply`, without recipients. After `.interrupted` or `.timedOut` the
    /// server may have accepted the mail: send it again with the same `MailMessage.id`.
    package func sendMail(
        _ message: MailMessage, server: MailServer, deadline: ContinuousClock.Instant? = nil
    ) async throws {
        do {
            try await deliver(message, server: server, deadline: deadline ?? .now + limits.mailTimeout)
        } catch let error as HTTPClientError {
            throw error.naming(server, hiding: message.to)
        }
    }

    private func deliver(
        _ message: MailMessage, server: MailServer, deadline: ContinuousClock.Instant
    ) async throws {
        precondition(multi.loop.isCurrent, "a client is used on its own loop")
        let conversation = MailConversation(
            message: message, bytes: try message.encoded(), server: server, limits: limits, deadline: deadline
        )
        while !MailConversation.takeTurn() {
            guard .now < deadline else { throw HTTPClientError(.timedOut) }
            try await multi.loop.sleep(for: HTTPClientLimits.mailTurnPause)
        }
        // The permit is released when the work ends. If the task is cancelled, the work ends after this
        // function.
        try await BlockingPool.shared.run {
            defer { MailConversation.endTurn() }
            try conversation.run()
        }
    }
}

extension HTTPClientError {
    /// Adds the server to an error. A reply often repeats the recipient, whose address must not appear in
    /// logs.
    fileprivate func naming(_ server: MailServer, hiding recipients: [MailAddress]) -> HTTPClientError {
        let reply = reply.map { reply in
            recipients.reduce(reply) { $0.replacing($1.address, with: "recipient") }
        }
        return HTTPClientError(
            code, curlCode: curlCode, requestWasSent: requestWasSent, replyCode: replyCode, reply: reply,
            server: "\(server)", detail: detail)
    }
}

/// The sending of one mail, on a thread that may block.
struct MailConversation: Sendable {
    let message: MailMessage
    let bytes: [UInt8]
    let server: MailServer
    let limits: HTTPClientLimits
    let deadline: ContinuousClock.Instant

    private static let running = Mutex(0)

    static func takeTurn() -> Bool {
        running.withLock { running in
            guard running < HTTPClientLimits.mailsAtOnce else { return false }
            running += 1
            return true
        }
    }

    static func endTurn() {
        running.withLock { $0 -= 1 }
    }

    func run() throws(HTTPClientError) {
        let left = ContinuousClock.now.duration(to: deadline).milliseconds
        guard left > 0 else { throw HTTPClientError(.timedOut) }
        let transfer = try Transfer(upload: bytes, isRepeatable: true, limits: limits)
        try transfer.setCommon(limits)
        try transfer.setProtocols(mail: true)
        // The path is the name in EHLO.
        try transfer.set(CURLOPT_URL, "\(server)/\(message.from.domain)")
        try transfer.set(CURLOPT_TIMEOUT_MS, left)
        try transfer.set(
            CURLOPT_USE_SSL, Int((server.requiresEncryption ? CURLUSESSL_ALL : CURLUSESSL_TRY).rawValue))
        if let user = server.user, let password = server.password {
            try transfer.set(CURLOPT_USERNAME, user)
            try transfer.set(CURLOPT_PASSWORD, password)
        }
        try transfer.set(CURLOPT_MAIL_FROM, "<\(message.from.address)>")
        try transfer.set(CURLOPT_MAIL_RCPT, lines: message.to.map { "<\($0.address)>" })
        try transfer.set(CURLOPT_UPLOAD, 1)
        try transfer.set(CURLOPT_INFILESIZE_LARGE, offset: bytes.count)
        defer {
            try? transfer.set(
                CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, limits.mailQuitTimeout.milliseconds / 1000))
        }
        try transfer.perform()
    }
}
