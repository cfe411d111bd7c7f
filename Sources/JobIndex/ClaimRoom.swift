internal import Encoding
import FoundationEssentials
package import Jobs

/// Limits on a claim besides the number of free slots: the cap per tenant, and the bounds of classes.
package struct ClaimRoom: Sendable, Equatable {
    /// Jobs of one tenant that the worker runs at once while other lanes have entries; nil: any number.
    var tenantCap: Int?
    /// Slots that are free now. A tenant at its cap gets them if no other lane has an entry.
    var free = 0
    /// Running jobs per tenant.
    var running: [UUID: Int] = [:]
    /// How many jobs may start of each class that could reach its bound.
    var classes: [String: Int] = [:]

    package static let unbounded = ClaimRoom()
}

extension ClaimRoom {
    /// The room for a claim of `count` jobs beside the running ones.
    package init(
        for count: Int, free: Int, beside running: [JobRecord], tenantCap: Int?, concurrencies: [String: Int]
    ) {
        self.tenantCap = tenantCap
        self.free = free
        for organization in running.compactMap(\.organizationID) {
            self.running[organization, default: 0] += 1
        }
        for (className, maximum) in concurrencies {
            let room = max(maximum - running.count { $0.className == className }, 0)
            // A class that cannot reach its bound is left out, so that the claim does no work for it.
            if room < count { classes[className] = room }
        }
    }

    /// Classes that may start no job.
    package var fullClasses: [String] { classes.filter { $0.value == 0 }.keys.sorted() }

    /// The smallest number of jobs that a class may still start, of the classes that are not full. A claim of
    /// at most this many jobs exceeds no bound.
    package var smallestRoom: Int { classes.values.filter { $0 > 0 }.min() ?? .max }

    /// The room as `claim.lua` reads it; empty without a cap and bounds.
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
