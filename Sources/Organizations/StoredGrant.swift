internal import Cryptography
internal import FoundationEssentials
internal import Salesforce

/// The tokens of a tenant as they are stored: sealed.
struct StoredGrant {
    let organization: OrganizationID
    let accessToken: [UInt8]
    let refreshToken: [UInt8]
    let version: Int64
    let instanceURL: String
    let loginURL: String
    let isRevoked: Bool
    /// The time since the last request for a new access token was refused without an end of the grant; nil if
    /// it was not.
    let refusalAge: Duration?

    /// What the seals are bound to, so that a row copied to another tenant or another purpose cannot be
    /// opened.
    enum Purpose: String {
        case accessToken = "access_token"
        case refreshToken = "refresh_token"

        func context(_ organization: OrganizationID) -> SealContext {
            SealContext(organizationID: organization.text, purpose: rawValue)
        }
    }
}

/// Tokens about to be stored.
struct SealedGrant {
    /// Nil keeps the stored one.
    let accessToken: Sealed?
    /// Nil keeps the stored one: the org does not rotate.
    let refreshToken: Sealed?
    let instanceURL: String
}
