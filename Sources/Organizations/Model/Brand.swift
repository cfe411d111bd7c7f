internal import FoundationEssentials

/// The ISV's product, as admins see it on pages and in mails.
package struct Brand: Sendable, Equatable {
    /// `BRAND_NAME`, or the name of the installation.
    package let name: String
    /// `BRAND_LOGO_URL`; nil: pages show only the name.
    package let logo: Logo?
    /// `SUPPORT_EMAIL`: where admins can ask; nil: pages and mails name no address.
    package let support: EmailAddress?

    package init(name: String, logo: Logo? = nil, support: EmailAddress? = nil) {
        self.name = name
        self.logo = logo
        self.support = support
    }

    /// An image on an https host.
    package struct Logo: Sendable, Equatable {
        package let url: String
        /// The only origin, besides our own, from which pages may load images.
        package let origin: String

        /// Nil unless the text is an https URL with a plain host and without a user.
        package init?(_ text: String) {
            guard let url = URL(string: text), url.scheme == "https", let host = url.host(), !host.isEmpty,
                url.user() == nil, text.utf8.count <= Self.length,
                text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
                // The host becomes a part of a header.
                host.utf8.allSatisfy({ Self.isHostCharacter($0) })
            else { return nil }
            self.url = text
            origin = "https://\(host)" + (url.port.map { ":\($0)" } ?? "")
        }

        /// The longest URL, in bytes.
        private static let length = 2_000

        private static func isHostCharacter(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
