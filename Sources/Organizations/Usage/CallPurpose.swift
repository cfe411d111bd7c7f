/// The purpose of an API call. Decides which calls wait first when the org's allowance is short. Calls are
/// counted by purpose.
package struct CallPurpose: Sendable, Hashable {
    /// From the most to the least urgent.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Consent, rights and announcements.
        case setup
        /// Sends users' changes.
        case write
        case stream
        case reread
        /// Calls of end users' pages.
        case user
        case poll
        case describe
        case verify
        case repair
        case `import`
    }

    package var kind: Kind
    /// The object's API name; nil for calls about the org.
    package var object: String?

    package init(_ kind: Kind, _ object: String? = nil) {
        self.kind = kind
        self.object = object
    }
}
