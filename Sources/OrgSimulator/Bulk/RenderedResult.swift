import Synchronization

/// The result of a Bulk query: its rows, and the rendered blocks of their text.
///
/// A block is a fixed number of rows. Blocks can be dropped at any time and rendered again from the result's
/// snapshot.
final class RenderedResult: Sendable {
    /// Some rows as text.
    struct Block: Sendable {
        let bytes: [UInt8]
        /// Where each row ends.
        let ends: [Int32]

        /// The bytes of some rows, counted within the block.
        func slice(_ rows: Range<Int>) -> ArraySlice<UInt8> {
            let start = rows.lowerBound == 0 ? 0 : Int(ends[rows.lowerBound - 1])
            let end = rows.upperBound == 0 ? 0 : Int(ends[rows.upperBound - 1])
            return bytes[start..<end]
        }
    }

    private struct Kept {
        var blocks: [Int: Block] = [:]
        /// The kept blocks, oldest first.
        var order: [Int] = []
        var bytes = 0
    }

    private let renderer: CSVRenderer
    private let rows: [Int32]
    let blockRows: Int
    private let kept = Mutex(Kept())

    init(_ renderer: CSVRenderer, rows: [Int32], blockRows: Int) {
        self.renderer = renderer
        self.rows = rows
        self.blockRows = blockRows
    }

    var rowCount: Int { rows.count }
    var blockCount: Int { (rows.count + blockRows - 1) / blockRows }
    var header: [UInt8] { renderer.header }
    var keptBytes: Int { kept.withLock(\.bytes) }
    var isComplete: Bool { kept.withLock { $0.blocks.count } == blockCount }

    /// True if the block is rendered.
    func has(_ number: Int) -> Bool { kept.withLock { $0.blocks[number] != nil } }

    /// A block. Renders it if needed.
    func block(_ number: Int) -> Block {
        if let block = kept.withLock({ $0.blocks[number] }) { return block }
        let block = render(number)
        kept.withLock { kept in
            guard kept.blocks[number] == nil else { return }
            kept.blocks[number] = block
            kept.order.append(number)
            kept.bytes += block.bytes.count
        }
        return block
    }

    private func render(_ number: Int) -> Block {
        let range = number * blockRows..<min((number + 1) * blockRows, rows.count)
        var bytes: [UInt8] = []
        // A third more than the mean of Accounts, so that the array rarely grows.
        bytes.reserveCapacity(range.count * 1200)
        var ends: [Int32] = []
        ends.reserveCapacity(range.count)
        for place in range {
            renderer.append(Int(rows[place]), to: &bytes)
            ends.append(Int32(bytes.count))
        }
        return Block(bytes: bytes, ends: ends)
    }

    /// Drops the oldest block.
    func dropOldest() {
        kept.withLock { kept in
            guard !kept.order.isEmpty else { return }
            let number = kept.order.removeFirst()
            kept.bytes -= kept.blocks.removeValue(forKey: number)?.bytes.count ?? 0
        }
    }

    /// Drops all blocks.
    func dropAll() { kept.withLock { $0 = Kept() } }

    /// The parts of blocks that contain these rows.
    func pieces(_ rows: Range<Int>) -> [(block: Int, rows: Range<Int>)] {
        guard !rows.isEmpty else { return [] }
        return (rows.lowerBound / blockRows...(rows.upperBound - 1) / blockRows).map { number in
            let first = number * blockRows
            let start = max(rows.lowerBound, first) - first
            let end = min(rows.upperBound, first + blockRows) - first
            return (number, start..<end)
        }
    }
}
