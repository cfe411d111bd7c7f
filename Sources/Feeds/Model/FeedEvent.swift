package import Encoding
package import FoundationEssentials

/// The events that a receiver gets.
package struct FeedFilter: Sendable, Equatable {
    /// The first part of an event's kind.
    package enum Group: String, Sendable, CaseIterable, Hashable {
        /// Installed, consented, live, paused, unauthorized, failed, removed.
        case tenant
        /// Rows that were created, updated or deleted by a change of the org.
        case row
        /// Received platform events.
        case event
        /// Received outbound messages.
        case message

        /// Whether its events are recorded only while a receiver wants them.
        package var isOnDemand: Bool { self != .tenant }
    }

    package var groups: Set<Group>
    /// Nil: all tenants.
    package var organization: UUID?

    package init(groups: Set<Group>, organization: UUID? = nil) {
        self.groups = groups
        self.organization = organization
    }
}

/// One event of the feed.
package struct FeedEvent: Sendable, Equatable {
    /// The database that has it.
    package var source: String
    package var position: FeedPosition
    package var organization: UUID
    /// Such as `row.updated`.
    package var kind: String
    /// A JSON object.
    package var data: String
    package var createdAt: Date

    package init(
        source: String, position: FeedPosition, organization: UUID, kind: String, data: String,
        createdAt: Date
    ) {
        self.source = source
        self.position = position
        self.organization = organization
        self.kind = kind
        self.data = data
        self.createdAt = createdAt
    }

    /// The event as receivers get it. Its id is the same in each delivery.
    package var document: JSONText {
        .object([
            ("id", .string("\(source):\(position.text)")), ("type", .string(kind)),
            ("organization", .string(organization.uuidString.lowercased())),
            ("created_at", .string(Self.time(createdAt))), ("data", .raw(data)),
        ])
    }

    static func time(_ date: Date) -> String {
        ISO8601.text(instant: Int((date.timeIntervalSince1970 * 1_000).rounded()), zone: "Z")
    }
}
