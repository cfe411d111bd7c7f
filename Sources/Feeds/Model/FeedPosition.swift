/// A place in the events of one database. Events are ordered by the transaction that wrote them, because ids
/// are not in the order of commits.
package struct FeedPosition: Sendable, Hashable, Comparable {
    /// The full transaction id (`xid8`).
    package var transaction: UInt64
    /// The event's id; 0 stands before all events of the transaction.
    package var id: Int64

    package init(transaction: UInt64, id: Int64) {
        self.transaction = transaction
        self.id = id
    }

    /// Before all events.
    package static let start = FeedPosition(transaction: 0, id: 0)

    package static func < (left: FeedPosition, right: FeedPosition) -> Bool {
        (left.transaction, left.id) < (right.transaction, right.id)
    }

    /// `transaction.id`
    package var text: String { "\(transaction).\(id)" }

    /// Nil for another text than that of `text`.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let transaction = UInt64(parts[0]), let id = Int64(parts[1]), id >= 0 else {
            return nil
        }
        self.init(transaction: transaction, id: id)
    }
}

/// A place in the events of all databases.
package struct FeedCursor: Sendable, Hashable {
    /// By source: `control`, or a cell's name after `cell-`. A source without position is read from its
    /// oldest event.
    package var positions: [String: FeedPosition]

    package init(positions: [String: FeedPosition] = [:]) {
        self.positions = positions
    }

    /// `cell-default=12.3~control=45.6`: the id of a server-sent event, so without spaces.
    package var text: String {
        positions.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }.joined(separator: "~")
    }

    /// Nil for another text than that of `text`.
    package init?(_ text: String) {
        guard text.utf8.count <= FeedLimits.cursorBytes else { return nil }
        var positions: [String: FeedPosition] = [:]
        for part in text.split(separator: "~") {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, let position = FeedPosition(pair[1]) else { return nil }
            positions[String(pair[0])] = position
        }
        self.positions = positions
    }
}
