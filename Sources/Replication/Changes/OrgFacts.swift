internal import Encoding
internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Salesforce

/// Asks an org about its events: two calls, and one more for PushTopics.
struct OrgFacts: Sendable {
    let sessions: OrgSessions
    let logger: Logger

    /// A fact is unknown if the user or the org does not allow the call.
    func read(_ organization: UUID, wantsTopics: Bool) async throws -> StreamPlan.Facts {
        let rest = sessions.rest(for: organization, CallPurpose(.stream))
        var facts = StreamPlan.Facts()
        if let channels = try await allowed({ try await rest.eventChannels() }) {
            facts.selected = channels.standard
            facts.custom = channels.custom
        }
        if let limits = try await allowed({ try await rest.limits() }) {
            facts.delivered = limits["DailyDeliveredPlatformEvents"]
            sessions.note(limits, of: organization)
        }
        if wantsTopics { facts.topics = try await allowed { try await topics(rest) } ?? [:] }
        return facts
    }

    /// Nil if the org refuses the call for good.
    private func allowed<Value>(_ call: () async throws -> Value) async throws -> Value? {
        do {
            return try await call()
        } catch let error as SalesforceError
            where [.forbidden, .invalidType, .notFound, .malformedQuery, .rejected].contains(error.code)
        {
            logger.debug("could not read event channels of org", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Active PushTopics by object. `Query` is a SOQL query.
    private func topics(_ rest: RESTClient) async throws -> [String: String] {
        let query = try SOQL.select(["Name", "Query"], from: "PushTopic").where(
            .compare("IsActive", .equal, .bool(true)))
        var topics: [String: String] = [:]
        try await rest.forEachPage(of: query) { page in
            for row in page.records {
                guard let name = row["Name"]?.string, let text = row["Query"]?.string,
                    let object = Self.object(of: text)
                else { continue }
                topics[object] = name
            }
        }
        return topics
    }

    /// The object after `FROM`.
    static func object(of query: String) -> String? {
        let words = query.split(whereSeparator: \.isWhitespace)
        guard let place = words.firstIndex(where: { $0.lowercased() == "from" }), place + 1 < words.count
        else {
            return nil
        }
        return String(words[place + 1])
    }
}
