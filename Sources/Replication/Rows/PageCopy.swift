internal import Postgres

/// Streams one page of CSV into `COPY`: checks its header, removes NUL bytes, and repairs and packs it for
/// staging.
struct PageCopy {
    /// The next chunk of a page; nil at its end. A slow reader slows the sender down.
    typealias Source = () async throws -> [UInt8]?

    /// How a page reaches the table.
    enum Method: Sendable {
        /// COPY takes the page unchanged.
        case direct
        /// COPY takes the page with repaired bytes, and whole numbers without a fraction.
        case tolerant
        /// Through a staging table of JSON, with tolerant casts, into a table that is widened where values
        /// need it.
        case staged
    }

    /// The result of a copy.
    struct Result {
        var rows: Int
        /// NUL bytes removed.
        var bytesRepaired: Int
    }

    /// The selected fields.
    let sources: [String]
    let columns: [String]
    let method: Method
    /// True for the columns of integers, in the order of `columns`.
    var isWhole: [Bool] = []

    func run(_ statement: String, from source: Source, on connection: PostgresConnection) async throws
        -> Result
    {
        var header = HeaderCheck(expected: sources)
        var filter = NULFilter()
        var repair = UTF8Repair()
        var packer = RowPacker(columns: columns)
        var numbers = WholeNumberFilter(isWhole)
        let rows = try await connection.copyIn(SQL(raw: statement)) { copy in
            while let chunk = try await source() {
                let clean = filter.filter(chunk)
                try header.check(clean)
                switch method {
                case .direct: try await copy.write(clean)
                case .tolerant: try await copy.write(numbers.filter(repair.repair(clean)))
                case .staged: try await copy.write(try packer.pack(repair.repair(clean)))
                }
            }
            try header.finish()
            switch method {
            case .direct: break
            case .tolerant: try await copy.write(numbers.filter(repair.finish()))
            case .staged: try await copy.write(try packer.pack(repair.finish()) + packer.finish())
            }
        }
        return Result(rows: rows, bytesRepaired: filter.removed)
    }
}
