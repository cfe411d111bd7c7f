/// Where an org's users log in: production, a sandbox, or the org's My Domain.
package enum OrgEnvironment: Hashable, Sendable, CustomStringConvertible {
    case production
    case sandbox
    /// A host such as `acme.my.salesforce.com`, in lower case.
    case myDomain(String)

    /// Reads `production`, `sandbox`, or a host of an org, which may be written as an address and in capitals.
    /// The hosts that people see in their browsers (Lightning, Setup, Visualforce) are understood as the My
    /// Domain that they belong to, and the hosts of instances as where their users log in. Nil for anything else.
    package init?(_ text: String) {
        let word = text.split(whereSeparator: \.isWhitespace).joined().lowercased()
        switch word {
        case "production": self = .production
        case "sandbox": self = .sandbox
        default:
            guard let host = Self.host(of: word) else { return nil }
            if let environment = Self.shared(host) {
                self = environment
            } else {
                guard let domain = Self.myDomain(of: host) else { return nil }
                self = .myDomain(domain)
            }
        }
    }

    /// The host of an https address on its usual port; nil if it is none.
    private static func host(of word: String) -> String? {
        var rest = word[...]
        if let scheme = rest.firstRange(of: "://") {
            guard rest[..<scheme.lowerBound] == "https" else { return nil }
            rest = rest[scheme.upperBound...]
        }
        rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if rest.hasSuffix(":443") { rest = rest.dropLast(4) }
        if rest.hasSuffix(".") { rest = rest.dropLast() }
        return (try? Origin(host: String(rest)))?.host
    }

    /// What hosts that many orgs share stand for: the login hosts, and instances such as `cs42.salesforce.com`,
    /// whose name says what kind of orgs they hold (help, "Instance URLs"). The org's own host is not in them.
    private static func shared(_ host: String) -> OrgEnvironment? {
        switch host {
        case "login.salesforce.com", "welcome.salesforce.com": return .production
        case "test.salesforce.com": return .sandbox
        default: break
        }
        guard let label = instanceSuffixes.lazy.compactMap({ host.removing(suffix: $0) }).first else {
            return nil
        }
        let kind = label.prefix { $0.isLetter }
        let number = label.dropFirst(kind.count).prefix { $0.isNumber }
        // Some end in a letter: `usa2s`.
        guard !number.isEmpty, label.count - kind.count - number.count <= 1 else { return nil }
        if kind == "cs" { return .sandbox }
        return productionInstances.contains(String(kind)) ? .production : nil
    }

    /// The My Domain login host that a host of the org belongs to; nil if it is no org's.
    private static func myDomain(of host: String) -> String? {
        for (suffix, login) in hosts {
            guard var name = host.removing(suffix: suffix) else { continue }
            if suffix.hasPrefix("--") {
                // Visualforce hosts name the package behind the org: `acme--uat--c`.
                guard !name.isEmpty else { return nil }
            } else if name.hasSuffix("."), name.count > 1 {
                name.removeLast()
            } else {
                return nil
            }
            return (try? Origin(host: name + login))?.host
        }
        return nil
    }

    /// `production`, `sandbox`, or the host: what the database keeps.
    package var description: String {
        switch self {
        case .production: "production"
        case .sandbox: "sandbox"
        case .myDomain(let host): host
        }
    }

    /// Endings of an org's hosts, and of the My Domain behind them. Source: Salesforce help, "My Domain URL
    /// Formats", and "Allow the Required Domains" for Government Cloud and for Salesforce on Alibaba Cloud.
    private static let hosts: [(suffix: String, login: String)] = [
        ("my.salesforce.com", ".my.salesforce.com"), ("my.salesforce.mil", ".my.salesforce.mil"),
        ("my.sfcrmproducts.cn", ".my.sfcrmproducts.cn"),
        ("my.salesforce-setup.com", ".my.salesforce.com"), ("my.salesforce-setup.mil", ".my.salesforce.mil"),
        ("setup.sfcrmproducts.cn", ".my.sfcrmproducts.cn"),
        ("lightning.force.com", ".my.salesforce.com"), ("lightning.crmforce.mil", ".my.salesforce.mil"),
        ("lightning.sfcrmapps.cn", ".my.sfcrmproducts.cn"),
        ("--c.sandbox.vf.force.com", ".sandbox.my.salesforce.com"),
        ("--c.develop.vf.force.com", ".develop.my.salesforce.com"),
        ("--c.vf.force.com", ".my.salesforce.com"),
        ("cloudforce.com", ".my.salesforce.com"),
    ]

    private static let instanceSuffixes = [".salesforce.com", ".lightning.force.com"]
    private static let productionInstances: Set<String> = [
        "na", "eu", "ap", "um", "usa", "can", "aus", "ind", "jpn", "gbr", "deu", "fra", "swe", "ita", "bra",
        "kor",
        "sgp", "che", "cn",
    ]
}

extension String {
    /// What stands before the suffix; nil without it.
    fileprivate func removing(suffix: String) -> String? {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : nil
    }
}
