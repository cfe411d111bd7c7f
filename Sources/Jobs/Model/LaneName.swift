package import FoundationEssentials

/// The name of a lane: a tenant's jobs of one queue. Each lane is a Sidekiq queue, so that tenants take turns
/// and Sidekiq's pages show each tenant's waiting jobs.
package struct LaneName: Hashable, Sendable, CustomStringConvertible {
    /// The name in Sidekiq's set `queues`, without the prefix `queue:`.
    package let text: String

    /// The lane of a tenant's jobs in a queue. Jobs of no tenant are in a lane with the queue's name.
    package init(queue: String, organizationID: UUID?) {
        if let organizationID {
            text = queue + Self.tenantMark + organizationID.uuidString.lowercased()
        } else {
            text = queue
        }
    }

    /// A name from a row or from Redis.
    package init(text: String) {
        self.text = text
    }

    package var description: String { text }

    /// The queue and the tenant; nil if the queue is not valid.
    package var parts: (queue: String, organizationID: UUID?)? {
        let (queue, organizationID) = Self.split(text)
        return Self.isValidQueue(queue) ? (queue, organizationID) : nil
    }

    /// The queue and the tenant in a name. A queue's name can contain colons: only `:t-` with a UUID marks a
    /// tenant.
    private static func split(_ name: String) -> (queue: String, organizationID: UUID?) {
        let utf8 = name.utf8
        guard utf8.dropLast(tenantLength).suffix(tenantMark.utf8.count).elementsEqual(tenantMark.utf8),
            let organizationID = UUID(uuidString: String(name.suffix(tenantLength)))
        else { return (name, nil) }
        return (String(name.dropLast(tenantMark.count + tenantLength)), organizationID)
    }

    /// Sidekiq's default queue.
    package static let defaultQueue = "default"
    private static let tenantMark = ":t-"
    /// The length of a UUID.
    private static let tenantLength = 36

    /// Whether a name is valid for a queue. Sidekiq's pages accept only these characters and show them
    /// unescaped. A name that ends with a tenant's mark would be read as that tenant's lane.
    package static func isValidQueue(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && split(name).queue == name
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: "-"), UInt8(ascii: ":"):
                    true
                default: false
                }
            }
    }

    /// Whether a name is valid for a class, for the same reason.
    package static func isValidClass(_ name: String) -> Bool {
        guard let first = name.utf8.first, (1...100).contains(name.utf8.count) else { return false }
        let isLetter: (UInt8) -> Bool = { (65...90).contains($0) || (97...122).contains($0) }
        return isLetter(first)
            && name.utf8.allSatisfy {
                isLetter($0) || (48...57).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ":")
            }
    }
}
