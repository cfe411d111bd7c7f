package import Salesforce

/// How end users may reach an object.
package enum EndUserVerb: String, Sendable, Hashable, CaseIterable {
    /// One record by its id, and the object's describe.
    case read
    case query
    case create
    case update
    case delete
}

/// The objects of a tenant that its end users may reach. Their own rights in Salesforce apply in addition.
package struct EndUserAccess: Sendable, Equatable {
    /// An object and its verbs.
    package struct Rule: Sendable, Equatable {
        package let object: ObjectName
        package let verbs: Set<EndUserVerb>

        package init(object: ObjectName, verbs: Set<EndUserVerb>) {
            self.object = object
            self.verbs = verbs
        }

        /// Reads `Account=read,query`. No verbs (`Account=off`) end the access to the object. Nil for other
        /// text.
        package init?(_ text: String) {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let object = ObjectName(parts[0]) else { return nil }
            let words = parts[1] == "off" ? [] : parts[1].split(separator: ",").map(String.init)
            let verbs = words.compactMap(EndUserVerb.init(rawValue:))
            guard verbs.count == words.count else { return nil }
            self.init(object: object, verbs: Set(verbs))
        }

        /// In the order of the verbs' declaration.
        package var text: String {
            EndUserVerb.allCases.filter(verbs.contains).map(\.rawValue).joined(separator: ",")
        }
    }

    /// By name.
    package let rules: [Rule]

    package init(_ rules: [Rule]) {
        self.rules = rules.sorted { $0.object.key < $1.object.key }
    }

    /// Whether end users may log in at all.
    package var isOn: Bool { !rules.isEmpty }

    package func allows(_ verb: EndUserVerb, _ object: ObjectName) -> Bool {
        rules.contains { $0.object.key == object.key && $0.verbs.contains(verb) }
    }
}
