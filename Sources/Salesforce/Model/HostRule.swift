/// The addresses that may be called: Salesforce's own over https, and the configured login origin.
///
/// Instance addresses come from token answers and identities. The rule keeps a forged address from receiving
/// tokens.
package struct HostRule: Sendable {
    /// The origin of `SALESFORCE_LOGIN_URL`.
    package let login: Origin

    /// `loginURL` is https, or http on this machine (the simulator). Throws `.hostNotAllowed` otherwise.
    package init(loginURL: String) throws(SalesforceError) {
        let origin = try Origin(parsing: loginURL)
        guard origin.scheme == "https" || origin.isLoopback else {
            throw SalesforceError(
                .hostNotAllowed, message: "SALESFORCE_LOGIN_URL may be http only on this machine")
        }
        login = origin
    }

    /// Whether `login` is Salesforce, and not a simulator that serves all environments.
    package var loginIsSalesforce: Bool { Self.isSalesforce(login) }

    /// Sources of a Content-Security-Policy for pages that any page of Salesforce may show in a frame.
    package var frameSources: [String] {
        Self.domains.map { "https://*.\($0)" } + (loginIsSalesforce ? [] : [login.description])
    }

    package func allows(_ origin: Origin) -> Bool {
        origin == login || Self.isSalesforce(origin)
    }

    /// The origin of `url`. Throws `.hostNotAllowed` if it may not be called.
    package func checked(_ url: String) throws(SalesforceError) -> Origin {
        let origin = try Origin(parsing: url)
        guard allows(origin) else {
            throw SalesforceError(
                .hostNotAllowed,
                message: "\(origin) is neither an address of Salesforce nor SALESFORCE_LOGIN_URL")
        }
        return origin
    }

    /// The origin where users of an org log in.
    package func loginOrigin(for environment: OrgEnvironment) throws(SalesforceError) -> Origin {
        guard loginIsSalesforce else { return login }
        switch environment {
        case .production: return login
        case .sandbox: return try Origin(host: "test.salesforce.com")
        case .myDomain(let host): return try Origin(host: host)
        }
    }

    /// The environment whose users log in at `origin`; nil for a simulator.
    package func environment(loggedInAt origin: Origin) -> OrgEnvironment? {
        guard loginIsSalesforce else { return nil }
        return origin == login ? .production : OrgEnvironment(origin.host)
    }

    private static func isSalesforce(_ origin: Origin) -> Bool {
        origin.scheme == "https" && origin.port == nil
            && domains.contains { origin.host == $0 || origin.host.hasSuffix("." + $0) }
    }

    /// The domains under which Salesforce serves orgs and logins (help, "Allow the Required Domains").
    private static let domains = [
        "salesforce.com", "force.com", "cloudforce.com", "database.com", "salesforce.mil", "sfcrmproducts.cn",
    ]
}
