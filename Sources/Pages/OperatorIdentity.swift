/// The rights of an operator.
package enum OperatorRole: String, Sendable {
    case `operator`
    /// May look, and change nothing.
    case viewer
}

/// An operator who has proved his name.
package struct OperatorIdentity: Sendable, Equatable {
    package let name: String
    package let role: OperatorRole
    /// The session's id; nil with basic authentication. The caller checks that the session has not ended.
    package let session: String?

    package init(name: String, role: OperatorRole, session: String? = nil) {
        self.name = name
        self.role = role
        self.session = session
    }
}
