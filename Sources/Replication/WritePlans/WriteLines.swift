/// Who uses which resource: a line of unfinished entries per resource, in their order.
///
/// An entry is a number (`slot`). Its uses of lines are linked nodes, so that each step costs the same for
/// any length of the lines.
struct WriteLines: Sendable {
    /// No node and no entry.
    static let none: Int32 = -1

    struct Node: Sendable {
        var slot: Int32
        var place: Int
        var line: Int32
        var mode: WriteAccess.Mode
        var previous = WriteLines.none
        var next = WriteLines.none
        /// The next use of the same entry.
        var sibling = WriteLines.none
        var isInFlight = false
        var isFailed = false
    }

    struct Ends: Sendable {
        var head = WriteLines.none
        var tail = WriteLines.none
    }

    struct Line: Sendable {
        var resource: WriteResource
        var exclusive = Ends()
        var shared = Ends()
        var sharedInFlight = 0
        /// Nodes of failed inserts.
        var failed: [Int32] = []

        var isEmpty: Bool {
            exclusive.head == WriteLines.none && shared.head == WriteLines.none && failed.isEmpty
        }
    }

    private(set) var nodes: [Node] = []
    private(set) var lines: [Line] = []
    private var freeNodes: [Int32] = []
    private var freeLines: [Int32] = []
    private var lineOf: [WriteResource: Int32] = [:]

    var isEmpty: Bool { lineOf.isEmpty }

    /// Adds an entry.
    ///
    /// - Returns: Its first node, `none` without accesses.
    mutating func insert(_ accesses: [WriteAccess], slot: Int32, place: Int, isInFlight: Bool = false)
        -> Int32
    {
        var first = Self.none
        for access in accesses { insert(access, slot, place, isInFlight, &first) }
        return first
    }

    /// Adds a use to an entry. A second use of one line only makes the first one stricter.
    mutating func insert(
        _ access: WriteAccess, _ slot: Int32, _ place: Int, _ isInFlight: Bool, _ first: inout Int32
    ) {
        let line = line(of: access.resource)
        var node = first
        while node != Self.none {
            if nodes[Int(node)].line == line {
                let mode = nodes[Int(node)].mode
                if !mode.isExclusive, access.mode.isExclusive || access.mode == .reference {
                    unlink(node)
                    nodes[Int(node)].mode = access.mode
                    link(node)
                }
                return
            }
            node = nodes[Int(node)].sibling
        }
        let new = Node(
            slot: slot, place: place, line: line, mode: access.mode, sibling: first, isInFlight: isInFlight)
        if let free = freeNodes.popLast() {
            nodes[Int(free)] = new
            first = free
        } else {
            first = Int32(nodes.count)
            nodes.append(new)
        }
        link(first)
    }

    mutating func remove(_ first: Int32) {
        var node = first
        while node != Self.none {
            let next = nodes[Int(node)].sibling
            release(node)
            node = next
        }
    }

    /// An entry in flight goes before all others of its lines. When it is no longer in flight, it returns to
    /// its place.
    mutating func set(_ first: Int32, isInFlight: Bool) {
        var node = first
        while node != Self.none {
            if nodes[Int(node)].isInFlight != isInFlight { toggle(node, isInFlight) }
            node = nodes[Int(node)].sibling
        }
    }

    private mutating func toggle(_ index: Int32, _ isInFlight: Bool) {
        let line = Int(nodes[Int(index)].line)
        nodes[Int(index)].isInFlight = isInFlight
        guard nodes[Int(index)].mode.isExclusive else {
            lines[line].sharedInFlight += isInFlight ? 1 : -1
            return
        }
        let node = nodes[Int(index)]
        let isInPlace =
            (node.previous == Self.none || !precedes(node, nodes[Int(node.previous)]))
            && (node.next == Self.none || !precedes(nodes[Int(node.next)], node))
        if isInPlace { return }
        unlink(index)
        link(index)
    }

    /// A failed insert blocks the entries of its row and new references to its keys.
    ///
    /// - Returns: The entry's first node.
    mutating func fail(_ first: Int32) -> Int32 {
        var kept = Self.none
        var node = first
        while node != Self.none {
            let next = nodes[Int(node)].sibling
            let mode = nodes[Int(node)].mode
            if mode == .own || mode == .create {
                unlink(node)
                nodes[Int(node)].isInFlight = false
                nodes[Int(node)].isFailed = true
                nodes[Int(node)].sibling = kept
                link(node)
                kept = node
            } else {
                release(node)
            }
            node = next
        }
        return kept
    }

    /// A failed insert no longer blocks references to its keys.
    ///
    /// - Returns: The entry's first node.
    mutating func keepRow(_ first: Int32) -> Int32 {
        var kept = Self.none
        var node = first
        while node != Self.none {
            let next = nodes[Int(node)].sibling
            if nodes[Int(node)].mode == .own {
                nodes[Int(node)].sibling = kept
                kept = node
            } else {
                release(node)
            }
            node = next
        }
        return kept
    }

    private mutating func release(_ node: Int32) {
        let line = nodes[Int(node)].line
        unlink(node)
        if lines[Int(line)].isEmpty {
            lineOf[lines[Int(line)].resource] = nil
            freeLines.append(line)
        }
        freeNodes.append(node)
    }

    /// The entries that use a row, in their order, without failed ones.
    func slots(of row: WriteResource) -> [Int32] {
        guard let line = lineOf[row] else { return [] }
        var slots: [Int32] = []
        var node = lines[Int(line)].exclusive.head
        while node != Self.none {
            slots.append(nodes[Int(node)].slot)
            node = nodes[Int(node)].next
        }
        return slots
    }

    /// The last entry of a row, and its failed insert.
    func row(_ row: WriteResource) -> (last: Int32?, failed: Int32?) {
        guard let line = lineOf[row] else { return (nil, nil) }
        let tail = lines[Int(line)].exclusive.tail
        return (
            tail == Self.none ? nil : nodes[Int(tail)].slot,
            lines[Int(line)].failed.first.map { nodes[Int($0)].slot }
        )
    }

    /// Whether an entry, which has not failed, is the only one of its row.
    func isAlone(_ first: Int32) -> Bool {
        // The row is the first access, so its node is the last one.
        var node = first
        while nodes[Int(node)].sibling != Self.none { node = nodes[Int(node)].sibling }
        return nodes[Int(node)].previous == Self.none && nodes[Int(node)].next == Self.none
    }

    /// Failed inserts with a key that the entry has given to a record.
    func failedInserts(withKeysOf first: Int32) -> [Int32] {
        var found: [Int32] = []
        var node = first
        while node != Self.none {
            if nodes[Int(node)].mode == .create {
                for failed in lines[Int(nodes[Int(node)].line)].failed {
                    found.append(nodes[Int(failed)].slot)
                }
            }
            node = nodes[Int(node)].sibling
        }
        return found
    }

    /// Whether another entry between the entry's place and `end` refers to a record that it creates.
    func isReferenced(_ first: Int32, until end: Int) -> Bool {
        var node = first
        while node != Self.none {
            let own = nodes[Int(node)]
            var other = own.mode == .create ? lines[Int(own.line)].shared.head : Self.none
            while other != Self.none, nodes[Int(other)].place < end {
                if nodes[Int(other)].place > own.place, nodes[Int(other)].mode == .reference { return true }
                other = nodes[Int(other)].next
            }
            node = own.sibling
        }
        return false
    }
}

extension WriteLines {
    private mutating func line(of resource: WriteResource) -> Int32 {
        Self.line(&lineOf[resource, default: Self.none], resource, &lines, &freeLines)
    }

    /// The line of an entry of `lineOf`, which is found only once.
    private static func line(
        _ entry: inout Int32, _ resource: WriteResource, _ lines: inout [Line], _ freeLines: inout [Int32]
    ) -> Int32 {
        guard entry == none else { return entry }
        if let free = freeLines.popLast() {
            entry = free
            lines[Int(free)] = Line(resource: resource)
        } else {
            entry = Int32(lines.count)
            lines.append(Line(resource: resource))
        }
        return entry
    }

    private mutating func link(_ index: Int32) {
        let node = nodes[Int(index)]
        let line = Int(node.line)
        if node.isFailed {
            lines[line].failed.append(index)
            return
        }
        if !node.mode.isExclusive, node.isInFlight { lines[line].sharedInFlight += 1 }
        var ends = node.mode.isExclusive ? lines[line].exclusive : lines[line].shared
        var before = ends.tail
        while before != Self.none, precedes(node, nodes[Int(before)]) { before = nodes[Int(before)].previous }
        let after = before == Self.none ? ends.head : nodes[Int(before)].next
        nodes[Int(index)].previous = before
        nodes[Int(index)].next = after
        if before == Self.none { ends.head = index } else { nodes[Int(before)].next = index }
        if after == Self.none { ends.tail = index } else { nodes[Int(after)].previous = index }
        set(ends, of: node)
    }

    private mutating func unlink(_ index: Int32) {
        let node = nodes[Int(index)]
        let line = Int(node.line)
        if node.isFailed {
            lines[line].failed.removeAll { $0 == index }
            return
        }
        if !node.mode.isExclusive, node.isInFlight { lines[line].sharedInFlight -= 1 }
        var ends = node.mode.isExclusive ? lines[line].exclusive : lines[line].shared
        if node.previous == Self.none {
            ends.head = node.next
        } else {
            nodes[Int(node.previous)].next = node.next
        }
        if node.next == Self.none {
            ends.tail = node.previous
        } else {
            nodes[Int(node.next)].previous = node.previous
        }
        set(ends, of: node)
    }

    private mutating func set(_ ends: Ends, of node: Node) {
        if node.mode.isExclusive {
            lines[Int(node.line)].exclusive = ends
        } else {
            lines[Int(node.line)].shared = ends
        }
    }

    /// Shared uses are in the order of places only, because those in flight may be anywhere among them.
    private func precedes(_ one: Node, _ other: Node) -> Bool {
        guard one.mode.isExclusive, one.isInFlight != other.isInFlight else { return one.place < other.place }
        return one.isInFlight
    }
}
