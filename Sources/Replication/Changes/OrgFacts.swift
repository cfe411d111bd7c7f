internal import Encoding
internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Salesforce

/// Asks an org about its events: two calls, one more for PushTopics, and one for each PushTopic that is
/// created.
struct OrgFacts: Sendable {
    let sessions: OrgSessions
    let logger: Logger

    /// A fact is unknown if the user or the org does not allow the call.
    ///
    /// - Parameters:
    ///   - notified: objects with accelerated polling. One without change events and PushTopic gets a
    ///     PushTopic.
    ///   - refused: objects whose PushTopic the org refused before, with its reason. They are not asked for
    ///     again.
    func read(
        _ organization: UUID, notified: Set<String>, refused: [String: String]
    ) async throws -> StreamPlan.Facts {
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
        if !notified.isEmpty {
            facts.topics = try await allowed { try await rest.pushTopics() } ?? [:]
            let offered = facts.custom.values.reduce(facts.selected ?? []) { $0.union($1) }
            facts.refusedTopics = refused.filter { notified.contains($0.key) }
            for object in notified.subtracting(offered).sorted()
            where facts.topics[object] == nil && refused[object] == nil {
                do {
                    facts.topics[object] = try await rest.createPushTopic(for: object)
                } catch let error as SalesforceError where !error.isTransient {
                    facts.refusedTopics[object] = FaultReason.text(error)
                }
            }
        }
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
}
