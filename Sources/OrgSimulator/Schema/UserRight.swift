/// The rights of a user that an integration needs.
package enum UserRight: String, CaseIterable, Sendable, Codable {
    case apiEnabled = "ApiEnabled"
    case viewAllData = "ViewAllData"
    case modifyAllData = "ModifyAllData"
    case viewSetup = "ViewSetup"
    case customizeApplication = "CustomizeApplication"

    /// The right's field in PermissionSet and Profile. Documented.
    var fieldName: String { "Permissions\(rawValue)" }
}
