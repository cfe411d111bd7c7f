internal import Encoding

/// The rights that decide whether a user's consent is enough to sync an org.
package struct UserRights: Equatable, Sendable {
    /// A right, with the name that Salesforce's pages give it.
    package enum Right: String, Sendable, CaseIterable, CustomStringConvertible {
        case apiEnabled = "API Enabled"
        case viewAllData = "View All Data"
        case modifyAllData = "Modify All Data"

        package var description: String { rawValue }

        /// The field of `PermissionSet` that grants it.
        var field: String {
            switch self {
            case .apiEnabled: "PermissionsApiEnabled"
            case .viewAllData: "PermissionsViewAllData"
            case .modifyAllData: "PermissionsModifyAllData"
            }
        }
    }

    package var granted: Set<Right>

    package init(granted: Set<Right>) {
        self.granted = granted
    }

    /// The sum over the rows of `query(for:)`: any set grants.
    init(rows: [JSONValue]) {
        granted = []
        for right in Right.allCases
        where rows.contains(where: { $0["PermissionSet"]?[right.field]?.bool == true }) {
            granted.insert(right)
        }
    }

    /// What a user lacks, in the order of the list.
    package func missing(writes: Writes) -> [Right] {
        let needed: [Right] = writes == .planned ? Right.allCases : [.apiEnabled, .viewAllData]
        return needed.filter { !granted.contains($0) }
    }

    /// Whether any mapping writes to Salesforce.
    package enum Writes: Sendable {
        case planned
        case none
    }

    /// A profile's rights are in a permission set that the profile owns, and its assignment is listed like
    /// the others. (Object Reference, "PermissionSetAssignment".)
    static func query(for user: RecordID) throws(SalesforceError) -> SOQL {
        try SOQL.select(Right.allCases.map { "PermissionSet." + $0.field }, from: "PermissionSetAssignment")
            .where(.compare("AssigneeId", .equal, .string(user.text)))
    }
}
