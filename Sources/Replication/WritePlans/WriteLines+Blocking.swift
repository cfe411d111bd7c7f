extension WriteLines {
    /// Which entries wait for which.
    enum Order: Sendable {
        /// Entries that share a resource keep their order.
        case ordered
        /// Records are created before references to them, and deleted after all other changes that name them.
        case merged
        /// Only entries in flight and failed inserts block. For an entry that is part of a circle.
        case free
    }

    /// An entry that must end before this one can be sent.
    func blocker(of first: Int32, _ order: Order) -> Int32? {
        var node = first
        while node != Self.none {
            if let blocker = blocker(ofNode: node, order) { return nodes[Int(blocker)].slot }
            node = nodes[Int(node)].sibling
        }
        return nil
    }

    /// The same, with the resource that both use.
    func conflict(of first: Int32, _ order: Order) -> (resource: WriteResource, mode: WriteAccess.Mode)? {
        var node = first
        while node != Self.none {
            if blocker(ofNode: node, order) != nil {
                return (lines[Int(nodes[Int(node)].line)].resource, nodes[Int(node)].mode)
            }
            node = nodes[Int(node)].sibling
        }
        return nil
    }

    private func blocker(ofNode index: Int32, _ order: Order) -> Int32? {
        let node = nodes[Int(index)]
        let line = Int(node.line)
        if node.mode.needsInsert, !lines[line].failed.isEmpty,
            let failed = lines[line].failed.first(where: {
                order != .ordered || nodes[Int($0)].place < node.place
            })
        {
            return failed
        }
        return switch order {
        case .ordered: orderedBlocker(node, line)
        case .merged: mergedBlocker(index, node, line)
        case .free: inFlight(node, line)
        }
    }

    private func orderedBlocker(_ node: Node, _ line: Int) -> Int32? {
        let head = lines[line].exclusive.head
        guard node.mode.isExclusive else {
            guard head != Self.none else { return nil }
            return nodes[Int(head)].isInFlight || nodes[Int(head)].place < node.place ? head : nil
        }
        if node.previous != Self.none { return node.previous }
        // A reference that came before the record means an older record with that key, or fails.
        guard node.mode == .destroy else { return nil }
        let shared = lines[line].shared.head
        if shared != Self.none, nodes[Int(shared)].place < node.place { return shared }
        return sharedInFlight(line)
    }

    private func mergedBlocker(_ index: Int32, _ node: Node, _ line: Int) -> Int32? {
        if let other = inFlight(node, line) { return other }
        if node.mode == .own { return node.previous == Self.none ? nil : node.previous }
        var other = lines[line].exclusive.head
        while other != Self.none {
            if other != index, waits(node, for: nodes[Int(other)]) { return other }
            other = nodes[Int(other)].next
        }
        guard node.mode == .destroy else { return nil }
        other = lines[line].shared.head
        while other != Self.none {
            if waits(node, for: nodes[Int(other)]) { return other }
            other = nodes[Int(other)].next
        }
        return nil
    }

    private func waits(_ node: Node, for other: Node) -> Bool {
        switch (node.mode, other.mode) {
        case (.create, .destroy), (.reference, .create), (.destroy, .keep): true
        case (.destroy, .create), (.create, .reference), (.keep, .destroy): false
        default: other.place < node.place
        }
    }

    private func inFlight(_ node: Node, _ line: Int) -> Int32? {
        let head = lines[line].exclusive.head
        if head != Self.none, nodes[Int(head)].isInFlight, nodes[Int(head)].slot != node.slot { return head }
        return node.mode == .destroy ? sharedInFlight(line) : nil
    }

    private func sharedInFlight(_ line: Int) -> Int32? {
        guard lines[line].sharedInFlight > 0 else { return nil }
        var node = lines[line].shared.head
        while node != Self.none, !nodes[Int(node)].isInFlight { node = nodes[Int(node)].next }
        return node == Self.none ? nil : node
    }
}
