package import FoundationEssentials

/// The list in Redis in which a job waits: a Sidekiq queue of its own for each tenant, so that the ring of
/// lanes can serve tenants in turn and Sidekiq's pages show how much each of them has waiting.
package struct LaneName: Hashable, Sendable, CustomStringConvertible {
    /// The name as Sidekiq's set `queues` holds it, without the prefix `queue:`.
    package let text: String

    /// The lane of a tenant's jobs in a queue; jobs of no tenant share the queue's own name.
    package init(queue: String, organizationID: UUID?) {
        if let organizationID {
            text = queue + Self.tenantMark + organizationID.uuidString.lowercased()
        } else {
            text = queue
        }
    }

    /// A lane's name as read back from a row.
    init(text: String) {
        self.text = text
    }

    package var description: String { text }

    /// The queue and the tenant that the name is made of; nil when a row could not hold them. A lane that tenants
    /// share (`JobScripts`) names none.
    var parts: (queue: String, organizationID: UUID?)? {
        let (queue, organizationID) = Self.split(text)
        return Self.isValidQueue(queue) ? (queue, organizationID) : nil
    }

    /// A name without the mark at its end that makes it a lane of ours, and the tenant that the mark names. A queue's
    /// name may have colons itself: only `:t-` with a UUID and `:f-` with two digits are marks.
    private static func split(_ name: String) -> (queue: String, organizationID: UUID?) {
        let utf8 = name.utf8
        if utf8.dropLast(2).suffix(sharedMark.utf8.count).elementsEqual(sharedMark.utf8),
            utf8.suffix(2).allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        {
            return (String(name.dropLast(sharedMark.count + 2)), nil)
        }
        if utf8.dropLast(tenantLength).suffix(tenantMark.utf8.count).elementsEqual(tenantMark.utf8),
            let organizationID = UUID(uuidString: String(name.suffix(tenantLength)))
        {
            return (String(name.dropLast(tenantMark.count + tenantLength)), organizationID)
        }
        return (name, nil)
    }

    /// The queue of whoever does not name one; Sidekiq's.
    static let defaultQueue = "default"
    private static let tenantMark = ":t-"
    private static let sharedMark = ":f-"
    /// A UUID's text.
    private static let tenantLength = 36

    /// Whether a name is safe as a queue: Sidekiq Web routes only these, and writes them unescaped. One that ends as a
    /// lane of ours does would be read as that lane.
    static func isValidQueue(_ name: String) -> Bool {
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

    /// Whether a name is safe as a class, for the same reason.
    static func isValidClass(_ name: String) -> Bool {
        guard let first = name.utf8.first, (1...100).contains(name.utf8.count) else { return false }
        let isLetter: (UInt8) -> Bool = { (65...90).contains($0) || (97...122).contains($0) }
        return isLetter(first)
            && name.utf8.allSatisfy {
                isLetter($0) || (48...57).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ":")
            }
    }
}
