import Reactor

/// A CometD session.
struct SimulatedClient: Sendable {
    struct Subscription: Sendable {
        let channel: String
        let topics: ChannelTopics
        /// Events up to this replay id were delivered, or are not wanted.
        var position: Int
    }

    /// Counted from 1.
    let org: Int
    let user: OrgRecordID
    /// The value of the cookie BAYEUX_BROWSER.
    let browser: String
    /// When the last answer was sent, in milliseconds since 1970.
    var lastAnswer: Int
    var subscriptions: [Subscription] = []
    /// The first connect is answered at once.
    var hasConnected = false
    /// The number of the newest connect. An older one that still waits is answered.
    var connects = 0
    /// Wakes the waiting connect.
    var waiting: Event?

    /// Wakes the waiting connect.
    mutating func wake() {
        waiting?.set()
        waiting = nil
    }
}

/// The events of a channel.
enum ChannelTopics: Sendable {
    /// Change events of these objects.
    case changes(of: Set<String>)
    /// Change events of all objects that are selected when the event is delivered.
    case selected
    /// Platform events of these kinds.
    case events(of: Set<String>)
    case pushTopic(String)

    func contains(_ topic: OrgEvent.Topic, selected: Set<String>) -> Bool {
        switch (self, topic) {
        case (.changes(let objects), .change(let object)): objects.contains(object)
        case (.selected, .change(let object)): selected.contains(object)
        case (.events(let kinds), .platformEvent(let kind)): kinds.contains(kind)
        case (.pushTopic(let name), .pushTopic(let other)): name == other
        default: false
        }
    }
}

/// A connect that waits for events.
struct StreamWait: Sendable {
    let client: String
    /// The connect's number, see `SimulatedClient.connects`.
    let connect: Int
    /// The message's id.
    let messageID: String?
    /// Set when the connect should be tried again.
    let event: Event
    /// When to try again at the latest, in milliseconds since 1970.
    let until: Int
    /// When the connect is answered without events, in milliseconds since 1970.
    let deadline: Int
}
