/// The rights of a user that decide what an integration can do.
package enum UserRight: String, CaseIterable, Sendable, Codable {
    case apiEnabled = "ApiEnabled"
    case viewAllData = "ViewAllData"
    case modifyAllData = "ModifyAllData"
    case viewSetup = "ViewSetup"
    case customizeApplication = "CustomizeApplication"

    /// The field of PermissionSet and Profile that holds it. Documented.
    var fieldName: String { "Permissions\(rawValue)" }
}
