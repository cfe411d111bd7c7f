import FoundationEssentials

/// The place of a tenant in a list, from which the next page continues: the value that the list is ordered
/// by, and the id.
package struct TenantPosition: Sendable, Equatable, CustomStringConvertible {
    let id: UUID
    let key: String

    init(id: UUID, key: String) {
        self.id = id
        self.key = key
    }

    package init?(_ text: String) {
        let parts = text.split(separator: "~", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let id = UUID(uuidString: String(parts[0])), !parts[1].contains("\0") else {
            return nil
        }
        self.init(id: id, key: String(parts[1]))
    }

    package var description: String { "\(id.uuidString.lowercased())~\(key)" }
}
