/// Which addresses a request may connect to.
package enum AddressRule: Sendable, Equatable {
    case any
    /// Only addresses of the public internet: for URLs that others choose.
    case publicOnly

    /// Whether an address belongs to the public internet. Source: the special-purpose address registries of
    /// IANA (RFC 6890).
    ///
    /// - Parameter bytes: 4 or 16. False for any other number.
    package static func isPublic(_ bytes: [UInt8]) -> Bool {
        switch bytes.count {
        case 4: isPublic(v4: bytes)
        case 16: isPublic(v6: bytes)
        default: false
        }
    }

    private static func isPublic(v4 bytes: [UInt8]) -> Bool {
        switch (bytes[0], bytes[1], bytes[2]) {
        // This network, private, loopback, multicast, reserved and broadcast.
        case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): false
        // Shared by carriers, link-local (with the metadata services of clouds), private.
        case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _): false
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        case (192, 0, 0), (192, 0, 2), (192, 88, 99), (198, 18...19, _), (198, 51, 100), (203, 0, 113): false
        default: true
        }
    }

    private static func isPublic(v6 bytes: [UInt8]) -> Bool {
        let head = bytes.prefix(12)
        // IPv4-mapped addresses and NAT64 reach the IPv4 address in the last four bytes.
        if head.elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
            || head.elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
        {
            return isPublic(v4: Array(bytes.suffix(4)))
        }
        // Only 2000::/3 is global unicast.
        guard bytes[0] & 0xE0 == 0x20 else { return false }
        switch (bytes[0], bytes[1], bytes[2], bytes[3]) {
        // Protocol assignments with Teredo, documentation, 6to4.
        case (0x20, 0x01, 0x00...0x01, _), (0x20, 0x01, 0x0D, 0xB8), (0x20, 0x02, _, _): return false
        case (0x3F, 0xFF, 0x00...0x0F, _): return false
        default: return true
        }
    }
}
