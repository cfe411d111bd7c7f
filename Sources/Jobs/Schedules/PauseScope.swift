package import FoundationEssentials

/// The scope of a pause: the jobs of a queue, a class or a tenant.
package enum PauseScope: Hashable, Sendable, CustomStringConvertible {
    case queue(String)
    case `class`(String)
    case tenant(UUID)

    /// Its key in the table `pauses`, such as `queue:default`.
    package var key: String {
        switch self {
        case .queue(let name): "queue:\(name)"
        case .class(let name): "class:\(name)"
        case .tenant(let id): "tenant:\(id.uuidString.lowercased())"
        }
    }

    /// Nil if the key is not valid.
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

/// A pause.
package struct JobPause: Sendable, Equatable {
    package let scope: PauseScope
    /// Who paused.
    package let actor: String
    /// Why, in the operator's words.
    package let reason: String?
    /// When it began.
    package let createdAt: Date
    /// How many jobs it holds. A due job becomes held only when a worker pops it; until then it is queued.
    package let held: JobCount
}
