internal import Cryptography
internal import FoundationEssentials
internal import Salesforce

/// A tenant's tokens as stored: sealed.
struct StoredGrant {
    let organization: OrganizationID
    let accessToken: [UInt8]
    let refreshToken: [UInt8]
    let version: Int64
    let instanceURL: String
    let loginURL: String
    let isRevoked: Bool
    /// The time since Salesforce last refused a refresh without ending the grant; nil if the last one
    /// succeeded.
    let refusalAge: Duration?

    /// The purpose that a seal is bound to, besides the org: a row copied to another tenant or purpose cannot
    /// be opened.
    enum Purpose: String {
        case accessToken = "access_token"
        case refreshToken = "refresh_token"

        func context(_ organization: OrganizationID) -> SealContext {
            SealContext(organizationID: organization.text, purpose: rawValue)
        }
    }
}

/// Sealed tokens to store.
struct SealedGrant {
    /// Nil keeps the stored one.
    let accessToken: Sealed?
    /// Nil keeps the stored one: the org does not rotate refresh tokens.
    let refreshToken: Sealed?
    let instanceURL: String
}
