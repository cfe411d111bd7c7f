/// All issued codes and tokens with their state. Time is passed in, in milliseconds.
struct OAuthLedger: Sendable {
    /// The org and user of a grant.
    struct Subject: Hashable, Sendable {
        /// Counted from 1.
        let org: Int
        let user: OrgRecordID
    }

    /// An authorization code.
    struct Code: Sendable {
        let subject: Subject
        let redirectURI: String
        let challenge: String?
        let scopes: [String]
        let issued: Int
        var isUsed = false
    }

    struct RefreshToken: Sendable {
        let subject: Subject
        let scopes: [String]
        var isEnded = false
        /// The token that rotation replaced it with.
        var successor: String?
    }

    struct AccessToken: Sendable {
        let subject: Subject
        let scopes: [String]
        let refreshToken: String?
        let issued: Int
        var isEnded = false
    }

    /// The answer of the token endpoint.
    struct Grant: Sendable {
        let subject: Subject
        let accessToken: String
        /// Nil if none was requested, or if a refresh did not change it.
        let refreshToken: String?
        let scopes: [String]
        let issued: Int
    }

    private(set) var codes: [String: Code] = [:]
    private(set) var refreshTokens: [String: RefreshToken] = [:]
    private(set) var accessTokens: [String: AccessToken] = [:]
    /// In the order of issue, to find the oldest of a user.
    private var accessOrder: [String] = []
    private var serial: UInt64 = 0
    private let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
    }

    /// `count` characters that look random and depend on the seed and on what was issued before.
    private mutating func opaque(_ count: Int) -> String {
        var bytes: [UInt8] = []
        while bytes.count < count {
            serial += 1
            var random = Mixer.key(seed, "token", "\(serial)")
            for _ in 0..<10 where bytes.count < count {
                bytes.append(OrgRecordID.digits[Int(random % 62)])
                random /= 62
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A code for a consent.
    mutating func issueCode(_ code: (_ text: String) -> Code) -> String {
        // Assumed: real codes begin like this and end in two equals signs, so that callers must
        // percent-decode them.
        let text = "aPrx\(opaque(72))=="
        codes[text] = code(text)
        return text
    }

    /// Exchanges a code for tokens: once, in time, for the same callback address, with the right verifier.
    ///
    /// - Parameter digest: of a PKCE verifier, as base64url.
    mutating func redeem(
        code text: String, redirectURI: String?, verifier: String?, now: Int, seconds: Int,
        issuer: Issuer, digest: (String) -> String
    ) throws(OAuthError) -> Grant {
        guard let code = codes[text] else { throw .invalidCode }
        // Documented: a code works once.
        guard !code.isUsed, now - code.issued <= seconds * 1000 else { throw .expiredCode }
        guard code.redirectURI == redirectURI else { throw .redirectMismatch }
        switch (code.challenge, verifier) {
        case (nil, nil): break
        case (.some, nil): throw .missingVerifier
        case (nil, .some): throw .wrongVerifier
        case (.some(let challenge), .some(let verifier)):
            guard digest(verifier) == challenge else { throw .wrongVerifier }
        }
        codes[text]?.isUsed = true
        return issue(code.subject, scopes: code.scopes, now: now, issuer: issuer)
    }

    /// The parameters of an org's tokens.
    struct Issuer: Sendable {
        /// The first 15 characters of access tokens.
        let org: String
        /// The access tokens of a user. A further one ends the oldest.
        let accessTokensPerUser: Int
    }

    /// New tokens for a user who has logged in.
    mutating func issue(_ subject: Subject, scopes: [String], now: Int, issuer: Issuer) -> Grant {
        var refreshToken: String?
        if scopes.contains("refresh_token") || scopes.contains("offline_access") || scopes.contains("full") {
            refreshToken = newRefreshToken(subject, scopes)
        }
        let access = newAccessToken(subject, scopes, refreshToken, now, issuer)
        return Grant(
            subject: subject, accessToken: access, refreshToken: refreshToken, scopes: scopes, issued: now)
    }

    private mutating func newRefreshToken(_ subject: Subject, _ scopes: [String]) -> String {
        let text = "5Aep861\(opaque(80))"
        refreshTokens[text] = RefreshToken(subject: subject, scopes: scopes)
        return text
    }

    private mutating func newAccessToken(
        _ subject: Subject, _ scopes: [String], _ refreshToken: String?, _ now: Int, _ issuer: Issuer
    ) -> String {
        let text = "\(issuer.org)!AR\(opaque(42)).\(opaque(50))"
        accessTokens[text] = AccessToken(
            subject: subject, scopes: scopes, refreshToken: refreshToken, issued: now)
        accessOrder.append(text)
        let own = accessOrder.filter {
            accessTokens[$0]?.subject == subject && accessTokens[$0]?.isEnded == false
        }
        for oldest in own.dropLast(issuer.accessTokensPerUser) { accessTokens[oldest]?.isEnded = true }
        return text
    }

    /// A new access token for a refresh token, and a new refresh token when rotation is on.
    mutating func refresh(
        _ text: String, rotates: Bool, reuseEndsSuccessor: Bool, now: Int, issuer: (Subject) -> Issuer
    ) throws(OAuthError) -> Grant {
        guard let token = refreshTokens[text] else { throw .expiredToken }
        if token.isEnded {
            if reuseEndsSuccessor, let successor = token.successor {
                refreshTokens[successor]?.isEnded = true
            }
            throw .expiredToken
        }
        var next: String?
        if rotates {
            // Documented: the previous token is invalid at once.
            next = newRefreshToken(token.subject, token.scopes)
            refreshTokens[text]?.isEnded = true
            refreshTokens[text]?.successor = next
        }
        let access = newAccessToken(token.subject, token.scopes, next ?? text, now, issuer(token.subject))
        return Grant(
            subject: token.subject, accessToken: access, refreshToken: next, scopes: token.scopes, issued: now
        )
    }

    /// Ends a token. A refresh token's access tokens end with it. Documented.
    mutating func revoke(_ text: String, keepsRefresh: Bool) throws(OAuthError) {
        if refreshTokens[text] != nil {
            refreshTokens[text]?.isEnded = true
            for (access, token) in accessTokens where token.refreshToken == text {
                accessTokens[access]?.isEnded = true
            }
        } else if let token = accessTokens[text] {
            accessTokens[text]?.isEnded = true
            if !keepsRefresh, let refresh = token.refreshToken { refreshTokens[refresh]?.isEnded = true }
        } else {
            throw .unsupportedTokenType
        }
    }

    /// The subject of a valid access token.
    func subject(_ access: String, now: Int, seconds: Int?) -> Subject? {
        guard let token = accessTokens[access], !token.isEnded else { return nil }
        if let seconds, now - token.issued > seconds * 1000 { return nil }
        return token.subject
    }

    /// Ends all access tokens, of one org or of all.
    mutating func endAccessTokens(org: Int?) {
        for (text, token) in accessTokens where org == nil || token.subject.org == org {
            accessTokens[text]?.isEnded = true
        }
    }

    /// Ends all refresh tokens and with them all access tokens, of one org or of all.
    mutating func endRefreshTokens(org: Int?) {
        for (text, token) in refreshTokens where org == nil || token.subject.org == org {
            refreshTokens[text]?.isEnded = true
        }
        endAccessTokens(org: org)
    }
}
