internal import Salesforce

/// A channel of platform events: `/event/Order_Ready__e`, or a custom channel `/event/Orders__chn`.
package struct EventChannel: Sendable, Hashable, CustomStringConvertible {
    package let address: String

    package var description: String { address }

    /// Takes an address, or the name of an event or a channel. Nil for other text.
    package init?(_ text: String) {
        let name = text.hasPrefix("/event/") ? String(text.dropFirst(7)) : text
        guard name.hasSuffix("__chn") || Self.isEvent(name),
            name.wholeMatch(of: /[A-Za-z][A-Za-z0-9_]{0,79}/) != nil
        else { return nil }
        address = "/event/" + name
    }

    /// Whether a text is the API name of a platform event.
    package static func isEvent(_ name: String) -> Bool {
        name.hasSuffix("__e") && name.wholeMatch(of: /[A-Za-z][A-Za-z0-9_]{0,79}/) != nil
    }

    /// Whether a channel of a stream carries platform events.
    static func carriesEvents(_ address: String) -> Bool { address.hasPrefix("/event/") }
}
