internal import Encoding

/// The rights that a user needs to consent.
package struct UserRights: Equatable, Sendable {
    /// A right, with its name in Salesforce's pages.
    package enum Right: String, Sendable, CaseIterable, CustomStringConvertible {
        case apiEnabled = "API Enabled"
        case viewAllData = "View All Data"
        case modifyAllData = "Modify All Data"

        package var description: String { rawValue }

        /// The field of `PermissionSet` that grants the right.
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

    /// The rights in the rows of `query(for:)`. The user has a right if any permission set grants it.
    init(rows: [JSONValue]) {
        granted = []
        for right in Right.allCases
        where rows.contains(where: { $0["PermissionSet"]?[right.field]?.bool == true }) {
            granted.insert(right)
        }
    }

    /// The rights that the user lacks, in the order of declaration.
    package func missing(writes: Writes) -> [Right] {
        let needed: [Right] = writes == .planned ? Right.allCases : [.apiEnabled, .viewAllData]
        return needed.filter { !granted.contains($0) }
    }

    /// Whether any mapping writes to Salesforce.
    package enum Writes: Sendable {
        case planned
        case none
    }

    /// A profile's rights are in a permission set of the profile, whose assignment is listed like the others.
    /// (Object Reference, "PermissionSetAssignment".)
    static func query(for user: SalesforceID) throws(SalesforceError) -> SOQL {
        try SOQL.select(Right.allCases.map { "PermissionSet." + $0.field }, from: "PermissionSetAssignment")
            .where(.compare("AssigneeId", .equal, .string(user.text)))
    }
}
