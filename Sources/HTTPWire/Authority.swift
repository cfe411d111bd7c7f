internal import Encoding

/// `host[:port]` of Host and of request targets (RFC 3986 section 3.2, RFC 9110 section 7.2).
enum Authority {
    /// Whether the bytes are a host with or without a port. Empty bytes are valid: Host is empty if the
    /// target has no authority.
    static func isValid(_ bytes: Span<UInt8>) -> Bool {
        guard let port = portStart(bytes) else { return false }
        return port == bytes.count || bytes.extracting((port + 1)...).allAre { ByteClass.digit($0) != nil }
    }

    /// Whether the bytes are a host with a port, as CONNECT requires (RFC 9112 section 3.2.3).
    static func hasPort(_ bytes: Span<UInt8>) -> Bool {
        guard isValid(bytes), let port = portStart(bytes) else { return false }
        return port > 0 && port + 1 < bytes.count
    }

    /// The position of the colon before the port, or the end. Nil if there is no host.
    private static func portStart(_ bytes: Span<UInt8>) -> Int? {
        guard !bytes.isEmpty else { return 0 }
        let end = bytes[0] == UInt8(ascii: "[") ? literalEnd(bytes) : nameEnd(bytes)
        guard let end, end > 0, end == bytes.count || bytes[end] == ByteClass.colon else { return nil }
        return end
    }

    /// The end of a `reg-name`; every IPv4 address is one too. Nil for a malformed escape.
    private static func nameEnd(_ bytes: Span<UInt8>) -> Int? {
        var index = 0
        while index < bytes.count {
            if ByteClass.isRegisteredName(bytes[index]) {
                index += 1
            } else if bytes[index] == ByteClass.percent {
                guard index + 2 < bytes.count, Hex.value(bytes[index + 1]) != nil,
                    Hex.value(bytes[index + 2]) != nil
                else { return nil }
                index += 3
            } else {
                break
            }
        }
        return index
    }

    /// The end of `[...]`. Nil if it contains no address.
    private static func literalEnd(_ bytes: Span<UInt8>) -> Int? {
        var close = 1
        while close < bytes.count, bytes[close] != UInt8(ascii: "]") { close += 1 }
        guard close < bytes.count else { return nil }
        let address = bytes.extracting(1..<close)
        return isIPv6(address) || isFutureAddress(address) ? close + 1 : nil
    }

    /// `IPvFuture`: `v1.anything`.
    private static func isFutureAddress(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= 4, ByteClass.lowercased(bytes[0]) == UInt8(ascii: "v") else { return false }
        var index = 1
        while index < bytes.count, Hex.value(bytes[index]) != nil { index += 1 }
        guard index > 1, index + 1 < bytes.count, bytes[index] == UInt8(ascii: ".") else { return false }
        return bytes.extracting((index + 1)...).allAre {
            ByteClass.isRegisteredName($0) || $0 == ByteClass.colon
        }
    }

    /// Eight groups, or fewer around one `::`; the last two may be an IPv4 address.
    private static func isIPv6(_ bytes: Span<UInt8>) -> Bool {
        var (index, groups, isShortened) = (0, 0, false)
        if bytes.count >= 2, bytes[0] == ByteClass.colon, bytes[1] == ByteClass.colon {
            (index, isShortened) = (2, true)
        }
        while index < bytes.count {
            let start = index
            while index < bytes.count, Hex.value(bytes[index]) != nil { index += 1 }
            if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
                guard isIPv4(bytes.extracting(start...)) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(index - start) else { return false }
            groups += 1
            guard index < bytes.count else { break }
            guard bytes[index] == ByteClass.colon, index + 1 < bytes.count else { return false }
            index += 1
            guard bytes[index] == ByteClass.colon else { continue }
            guard !isShortened else { return false }
            (index, isShortened) = (index + 1, true)
        }
        return isShortened ? groups <= 7 : groups == 8
    }

    /// Four numbers up to 255 without leading zeros.
    private static func isIPv4(_ bytes: Span<UInt8>) -> Bool {
        var (index, numbers) = (0, 0)
        while true {
            let start = index
            var value = 0
            while index < bytes.count, index - start < 3, let digit = ByteClass.digit(bytes[index]) {
                value = value * 10 + digit
                index += 1
            }
            let length = index - start
            guard length > 0, value <= 255, length == 1 || bytes[start] != UInt8(ascii: "0") else {
                return false
            }
            numbers += 1
            if index == bytes.count { return numbers == 4 }
            guard bytes[index] == UInt8(ascii: ".") else { return false }
            index += 1
        }
    }
}
