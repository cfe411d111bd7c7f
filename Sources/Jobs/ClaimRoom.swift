internal import Encoding
import FoundationEssentials

/// What a worker may take besides what its free slots say: a tenant's share, and the bounds of classes.
struct ClaimRoom: Sendable, Equatable {
    /// Jobs of one tenant that the worker runs at once while others wait; nil: any number.
    var tenantCap: Int?
    /// Slots that are free now: so many jobs may be taken although their tenants have their share.
    var free = 0
    /// Jobs of tenants that it runs now.
    var running: [UUID: Int] = [:]
    /// How many more jobs of a class may start; of one that is not named, any number.
    var classes: [String: Int] = [:]

    static let unbounded = ClaimRoom()
}

extension ClaimRoom {
    /// The room for a claim of so many jobs, of which some may be ahead of free slots, beside running ones.
    init(
        for count: Int, free: Int, beside running: [JobRecord], tenantCap: Int?, concurrencies: [String: Int]
    ) {
        self.tenantCap = tenantCap
        self.free = free
        for organization in running.compactMap(\.organizationID) {
            self.running[organization, default: 0] += 1
        }
        for (className, most) in concurrencies {
            let room = max(most - running.count { $0.className == className }, 0)
            // A class that has room for all of them costs the claim nothing.
            if room < count { classes[className] = room }
        }
    }

    /// Whether jobs of some class have to wait until one of them ends.
    var hasFullClass: Bool { classes.values.contains(0) }

    /// The room as the script reads it; empty when nothing is bounded.
    var json: String {
        guard tenantCap != nil || !classes.isEmpty else { return "" }
        let object = { (members: [(String, Int)]) in
            "{" + members.map { "\(JSONText.quoted($0)):\($1)" }.joined(separator: ",") + "}"
        }
        var fields: [String] = []
        if let tenantCap {
            let running = object(running.map { ($0.uuidString.lowercased(), $1) })
            fields.append("\"cap\":\(tenantCap),\"free\":\(free),\"running\":\(running)")
        }
        if !classes.isEmpty { fields.append("\"classes\":" + object(classes.map { ($0, $1) })) }
        return "{" + fields.joined(separator: ",") + "}"
    }
}
