/// One of the five fields of a cron expression: the numbers that it matches.
struct CronField: Hashable, Sendable {
    /// The kind of a field.
    struct Kind: Sendable {
        let name: String
        let range: ClosedRange<Int>
        /// Names of three letters, for the numbers from the range's lower bound.
        var names: [String] = []

        static let minute = Kind(name: "minute", range: 0...59)
        static let hour = Kind(name: "hour", range: 0...23)
        static let day = Kind(name: "day of the month", range: 1...31)
        static let month = Kind(
            name: "month", range: 1...12,
            names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
        /// 0 and 7 are Sunday.
        static let weekday = Kind(
            name: "day of the week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])
    }

    /// Bit `n` for the number `n`.
    private let bits: UInt64
    /// Whether the field begins with `*`, which means unrestricted in the rule for days.
    let isAny: Bool

    /// Reads a field: a list of `*`, numbers, names and ranges. `*` and ranges may have a step.
    /// - Throws: `JobsError` with the code `.schedule`.
    init(_ text: Substring, _ kind: Kind) throws(JobsError) {
        var bits: UInt64 = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            var step = 1
            if pieces.count == 2 {
                guard let number = Self.number(pieces[1]), number > 0 else {
                    throw Self.error(kind, "the step \(pieces[1].debugDescription) is not a number from 1")
                }
                step = number
            }
            let span = try Self.span(pieces[0], kind)
            guard pieces.count == 1 || pieces[0] == "*" || pieces[0].contains("-") else {
                throw Self.error(kind, "a step needs a range or *, not \(pieces[0].debugDescription)")
            }
            guard step <= max(kind.range.upperBound, 1) else {
                throw Self.error(kind, "the step \(step) is larger than the range")
            }
            for number in stride(from: span.lowerBound, through: span.upperBound, by: step) {
                bits |= 1 << UInt64(kind.range == 0...7 && number == 7 ? 0 : number)
            }
        }
        self.bits = bits
        isAny = text.hasPrefix("*")
    }

    func contains(_ number: Int) -> Bool { bits & (1 << UInt64(number)) != 0 }

    /// The first number from the given one on.
    func first(from number: Int) -> Int? {
        guard number < 64 else { return nil }
        let rest = bits & (UInt64.max << UInt64(number))
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }

    private static func span(_ text: Substring, _ kind: Kind) throws(JobsError) -> ClosedRange<Int> {
        if text == "*" { return kind.range }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let first = try value(ends[0], kind)
        guard ends.count == 2 else { return first...first }
        let last = try value(ends[1], kind)
        guard first <= last else {
            throw error(kind, "the range \(text.debugDescription) ends before it begins")
        }
        return first...last
    }

    private static func value(_ text: Substring, _ kind: Kind) throws(JobsError) -> Int {
        if let index = kind.names.firstIndex(of: text.lowercased()) { return kind.range.lowerBound + index }
        guard let number = number(text) else {
            let names = kind.names.isEmpty ? "" : " or a name of three letters"
            throw error(kind, "\(text.debugDescription) is not a number\(names)")
        }
        guard kind.range.contains(number) else {
            throw error(
                kind, "\(number) is not from \(kind.range.lowerBound) to \(kind.range.upperBound)")
        }
        return number
    }

    /// A number of at most four digits, without a sign.
    private static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    private static func error(_ kind: Kind, _ what: String) -> JobsError {
        JobsError(.schedule, "cron expression, \(kind.name): \(what)")
    }
}
