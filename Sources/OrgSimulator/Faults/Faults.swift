/// The faults that tests have switched on.
struct Faults: Sendable {
    /// A fault of calls whose path contains a text.
    struct Rule: Sendable {
        let path: String
        /// Nil: any.
        let method: String?
        /// The org that the token belongs to, by its 15 characters; nil: any.
        let org: String?
        var remaining: Int
        let effect: Effect
    }

    struct Effect: Sendable {
        var error: APIError?
        var delayMilliseconds = 0
        var dropAfterBytes: Int?
        var truncatesAfterBytes: Int?
        /// The connection is closed without an answer.
        var losesResponse = false
        /// The same, and the call is carried out later.
        var lateMilliseconds: Int?
        var rowFault: RowFault?

        /// True if the effect can concern the call.
        func suits(_ call: IncomingCall) -> Bool {
            if rowFault != nil { return call.isWrite }
            return losesResponse || lateMilliseconds != nil ? call.changesState : true
        }
    }

    var rules: [Rule] = []
    /// Handshakes and connects that are refused.
    var busyStreams = 0

    /// The effect of the first matching rule. Counts the rule down.
    mutating func effect(on call: IncomingCall) -> Effect? {
        guard !rules.isEmpty else { return nil }
        let token = call.headers["authorization"] ?? ""
        let found = rules.firstIndex { rule in
            call.path.contains(rule.path) && rule.method.map { $0 == call.method } ?? true
                && rule.effect.suits(call) && rule.org.map { token.contains(" \($0)!") } ?? true
        }
        guard let found else { return nil }
        rules[found].remaining -= 1
        let effect = rules[found].effect
        if rules[found].remaining <= 0 { rules.remove(at: found) }
        return effect
    }
}
