package import FoundationEssentials

/// What can be paused: jobs of a queue, of a class, or of a tenant.
package enum PauseScope: Hashable, Sendable, CustomStringConvertible {
    case queue(String)
    case `class`(String)
    case tenant(UUID)

    /// Its name in the table of pauses, such as `queue:default`.
    package var key: String {
        switch self {
        case .queue(let name): "queue:\(name)"
        case .class(let name): "class:\(name)"
        case .tenant(let id): "tenant:\(id.uuidString.lowercased())"
        }
    }

    /// The scope that a key names; nil when it is none, or names what cannot exist.
    package init?(key: String) {
        guard let colon = key.firstIndex(of: ":") else { return nil }
        let name = String(key[key.index(after: colon)...])
        switch key[..<colon] {
        case "queue" where LaneName.isValidQueue(name): self = .queue(name)
        case "class" where LaneName.isValidClass(name): self = .class(name)
        case "tenant":
            guard let id = UUID(uuidString: name) else { return nil }
            self = .tenant(id)
        default: return nil
        }
    }

    package var description: String { key }
}

/// A pause: who ordered it, when and why.
package struct JobPause: Sendable, Equatable {
    /// What is paused.
    package let scope: PauseScope
    /// Who did it.
    package let actor: String
    /// Why, in the operator's words.
    package let reason: String?
    /// Since when.
    package let createdAt: Date
    /// Due jobs that it holds back, besides those that no worker has met yet.
    package let held: JobCount
}
