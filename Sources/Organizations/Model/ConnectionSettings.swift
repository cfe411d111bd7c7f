package import Encoding

/// The settings of a tenant's connection: Heroku Connect's features that this program has, and its own.
package struct ConnectionSettings: Sendable, Equatable {
    /// `poll_db_no_merge`: each change is sent by itself, in order. False: the waiting changes of a row are
    /// sent as one.
    package var isOrdered = true
    /// `use_assignment_rules`: assignment rules for leads and cases run for records that we write.
    package var usesAssignmentRules = false
    /// `disable_bulk_writes`: writes never use the Bulk API.
    package var isBulkDisabled = false
    /// `write_calls`: requests with writes that run at the same time. 1 keeps a strict order.
    package var writeCalls = OrganizationsLimits.writeCalls
    /// `bulk_write_threshold`: waiting rows of one kind from which a Bulk job writes them.
    package var bulkThreshold = OrganizationsLimits.bulkWriteThreshold
    /// `write_quarantine_seconds`: how long a request without an answer may still run in the org.
    package var quarantineSeconds = OrganizationsLimits.writeQuarantineSeconds
    /// `write_notify`: users' changes are announced with NOTIFY. False: they are found by polls.
    package var notifies = true

    package init() {}

    /// A setting: its name and type, and its place.
    private enum Place: Sendable {
        case flag(any WritableKeyPath<ConnectionSettings, Bool> & Sendable)
        case number(any WritableKeyPath<ConnectionSettings, Int> & Sendable, ClosedRange<Int>)
    }

    private static let places: [(name: String, place: Place)] = [
        ("bulk_write_threshold", .number(\.bulkThreshold, 200...1_000_000)),
        ("disable_bulk_writes", .flag(\.isBulkDisabled)),
        ("poll_db_no_merge", .flag(\.isOrdered)),
        ("use_assignment_rules", .flag(\.usesAssignmentRules)),
        ("write_calls", .number(\.writeCalls, 1...25)),
        ("write_notify", .flag(\.notifies)),
        ("write_quarantine_seconds", .number(\.quarantineSeconds, 1...86_400)),
    ]

    /// The settings in an object of the database. Members with an unknown name or an invalid value are
    /// ignored: another version may have stored them.
    package init(stored: JSONValue) {
        for (name, place) in Self.places {
            switch place {
            case .flag(let path): if let flag = stored[name]?.bool { self[keyPath: path] = flag }
            case .number(let path, let range):
                if let number = stored[name]?.int, range.contains(number) { self[keyPath: path] = number }
            }
        }
    }

    /// Sets one setting from text. Returns the problem; nil if it is set.
    package mutating func set(_ name: String, to text: String) -> String? {
        guard let place = Self.places.first(where: { $0.name == name })?.place else {
            return "unknown setting \(name); settings: "
                + Self.places.map(\.name).joined(separator: ", ")
        }
        switch place {
        case .flag(let path):
            guard let flag = Bool(text.lowercased()) else { return "\(name) must be true or false" }
            self[keyPath: path] = flag
        case .number(let path, let range):
            guard let number = Int(text), range.contains(number) else {
                return "\(name) must be a number from \(range.lowerBound) to \(range.upperBound)"
            }
            self[keyPath: path] = number
        }
        return nil
    }

    /// All settings with their values as text, sorted by name.
    package var list: [(name: String, value: String, isDefault: Bool)] {
        let defaults = ConnectionSettings()
        return Self.places.map { name, place in
            switch place {
            case .flag(let path):
                (name, "\(self[keyPath: path])", self[keyPath: path] == defaults[keyPath: path])
            case .number(let path, _):
                (name, "\(self[keyPath: path])", self[keyPath: path] == defaults[keyPath: path])
            }
        }
    }

    /// The object of the database: settings that differ from their defaults.
    package var stored: JSONValue {
        var members: [String: JSONValue] = [:]
        for (name, value, isDefault) in list where !isDefault {
            members[name] = Bool(value).map(JSONValue.bool) ?? .number(value)
        }
        return .object(members)
    }
}
