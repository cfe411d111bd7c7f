package import Salesforce

/// The facts about an org and a tenant's database, and their consequences for the sync. Facts in, findings
/// out.
package struct Checkup: Sendable, Equatable {
    /// The name of the user who consented; nil if it is not known.
    package var username: String?
    /// Nil if they cannot be read.
    package var rights: UserRights?
    /// Whether a mapping writes to Salesforce.
    package var writes = UserRights.Writes.none
    package var mappings: [MappingFacts] = []
    /// Objects that send change events. Nil if that cannot be read.
    package var selected: Set<String>?
    /// By name, such as `DailyApiRequests`. Nil if they cannot be read.
    package var limits: [String: OrgLimit]?
    /// The versions of the org's API. Nil if they cannot be read.
    package var versions: [APIVersion]?
    /// Rows that came from the org in a busy hour of the last day. Nil without counts.
    package var rowsInHour: Int?
    /// Why the database does not suit. Nil if it did not answer.
    package var obstacles: [String]?
    /// The database's connections. Nil if it did not answer.
    package var connections: Connections?

    package init() {}

    /// The connections of a database.
    package struct Connections: Sendable, Equatable {
        package var used: Int
        /// The smallest of the limits of the server, the database and our role.
        package var maximum: Int
    }

    /// The facts about a mapping and its table.
    package struct MappingFacts: Sendable, Equatable {
        package var objectName: String
        package var fields = 0
        package var pollingSeconds = 0
        /// The parts of the mapping that cannot be synced: kind and text.
        package var problems: [Problem] = []
        /// Why the object is not synced at all, such as that the org has none. Nil if it is.
        package var obstacle: String?
        /// The unique identifier, if the mapping writes.
        package var upsertField: String?
        /// Nil if there is no table, or if the database did not answer.
        package var table: TableFacts?

        package init(objectName: String) { self.objectName = objectName }
    }

    /// A part of a mapping that cannot be synced.
    package struct Problem: Sendable, Equatable {
        /// Source: `MappingProblem.Kind`.
        package var kind: String
        package var message: String
    }

    /// The facts about a table.
    package struct TableFacts: Sendable, Equatable {
        /// Columns of unlimited text.
        package var longTexts = 0
        /// The first columns of its valid indexes.
        package var indexed: Set<String> = []
    }

    /// A result of the check.
    package struct Finding: Sendable, Equatable {
        /// How important it is.
        package enum Level: String, Sendable {
            case good
            /// The sync works, but could work better.
            case advice
            /// The sync does not work, or not for long.
            case missing
            /// The rule does not apply, or its facts cannot be read.
            case skipped
        }

        /// Who can change it.
        package enum Reader: Sendable {
            case admin
            case `operator`
        }

        package let rule: CheckupRule
        package let level: Level
        package let reader: Reader
        package let text: String
        /// What to do; nil if there is nothing to do.
        package let advice: String?
        /// The object of the mapping; nil if the finding is about the tenant.
        package let object: String?

        init(
            _ rule: CheckupRule, _ level: Level, for reader: Reader = .operator, _ text: String,
            _ advice: String? = nil, object: String? = nil
        ) {
            self.rule = rule
            self.level = level
            self.reader = reader
            self.text = text
            self.advice = advice
            self.object = object
        }
    }

    /// The findings, those about the org first, those about mappings last.
    package var findings: [Finding] {
        orgFindings + tenantFindings + databaseFindings + mappings.flatMap(findings(of:))
            + Self.herokuFindings
    }

    /// A text for the org's admin with what to do; nil if there is nothing.
    package var message: String? {
        let open = findings.filter { $0.reader == .admin && [.advice, .missing].contains($0.level) }
        guard !open.isEmpty else { return nil }
        return open.enumerated().map { index, finding in
            let advice = finding.advice.map { "\n   \($0)" } ?? ""
            return "\(index + 1). \(finding.text)\(advice)"
        }.joined(separator: "\n")
    }

    private static let herokuFindings: [Finding] = [.herokuPostgres, .region, .logDrain, .plan].map {
        Finding($0, .skipped, "This rule is about Heroku's services.")
    }
}
