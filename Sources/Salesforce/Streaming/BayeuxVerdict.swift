/// What an unsuccessful Bayeux reply means for the stream.
///
/// Source: Streaming API Developer Guide, "Streaming API Error Codes". An error is `code:arguments:text`.
/// Salesforce tells several errors of one code apart only by their text, so this table reads it, as
/// `GrantRefusal` does for OAuth.
enum BayeuxVerdict: Equatable {
    /// The server no longer knows the client: handshake and subscribe again.
    case handshake
    /// The session is invalid: get a new token, then handshake.
    case renewToken
    /// The server is overloaded or has a passing problem: handshake after a pause.
    case pause
    case end(StreamError.Code)

    /// - Parameters:
    ///   - channel: the reply's channel, such as `/meta/connect`.
    ///   - error: the reply's `error`.
    ///   - reason: `ext.sfdc.failureReason`. It is more precise than `error`.
    ///   - reconnect: `advice.reconnect`.
    init(channel: String, error: String?, reason: String?, reconnect: String?) {
        let text = reason ?? error ?? ""
        if let row = Self.table.first(where: { $0.matches(text) }) {
            self = row.verdict
            return
        }
        switch (Self.code(of: text), channel) {
        case (401, _): self = .renewToken
        case (402, _): self = .handshake
        case (403, "/meta/subscribe"): self = .end(.notPermitted)
        // The session of a token may be refused without a reason.
        case (403, "/meta/handshake"): self = .renewToken
        case (408, _), (429, _), (500..., _): self = .pause
        default: self = reconnect == "handshake" || reconnect == "retry" ? .handshake : .end(.refused)
        }
    }

    private struct Row {
        let code: Int
        /// In lower case.
        let text: String
        let verdict: BayeuxVerdict

        func matches(_ error: String) -> Bool {
            BayeuxVerdict.code(of: error) == code && error.lowercased().contains(text)
        }
    }

    /// The first matching row counts.
    private static let table: [Row] = [
        // `400::The replayId {1} you provided was invalid.  Please provide a valid ID, -2 to replay all
        // events, ...`
        Row(code: 400, text: "replayid", verdict: .end(.replayInvalid)),
        // `400::The channel you requested to subscribe to doesn't exist {/event/Nope__e}`
        Row(code: 400, text: "doesn't exist", verdict: .end(.channelMissing)),
        // `400::Client ... has established a session, but no ... cookie present`
        Row(code: 400, text: "cookie", verdict: .handshake),
        Row(code: 401, text: "too busy", verdict: .pause),
        Row(code: 403, text: "unknown client", verdict: .handshake),
        // `403::Organization total events daily limit exceeded`
        Row(code: 403, text: "daily limit exceeded", verdict: .end(.deliveryLimit)),
        // `403::Organization concurrent user limit exceeded`
        Row(code: 403, text: "concurrent user limit", verdict: .end(.clientLimit)),
        // `403::User not allowed to subscribe CDC without required permissions`
        Row(code: 403, text: "not allowed", verdict: .end(.notPermitted)),
    ]

    /// The number before the first colon; 0 if there is none.
    fileprivate static func code(of error: String) -> Int { Int(error.prefix { $0 != ":" }) ?? 0 }
}
