/// A count that says how exact it is: counting stops at a bound, so that no page waits for a long table.
package struct JobCount: Sendable, Equatable {
    /// How to read the number.
    package enum Precision: String, Sendable {
        /// It is this many.
        case exact
        /// It is this many or more: counting stopped there.
        case atLeast = "at_least"
        /// About so many, as the server knew at its last look at the table (vacuum or analyze).
        case estimate
    }

    /// The number.
    package var value: Int
    /// How to read it.
    package var precision: Precision

    package init(_ value: Int, _ precision: Precision = .exact) {
        self.value = value
        self.precision = precision
    }

    /// A count that stopped one beyond `bound`; then the estimate, when there is one that says more.
    init(_ counted: Int, bound: Int, estimate: Int? = nil) {
        if counted <= bound {
            self.init(counted)
        } else if let estimate, estimate > bound {
            self.init(estimate, .estimate)
        } else {
            self.init(bound, .atLeast)
        }
    }

    package static func + (left: JobCount, right: JobCount) -> JobCount {
        let precision: Precision =
            if left.precision == .exact {
                right.precision
            } else if right.precision == .exact || right.precision == left.precision {
                left.precision
            } else {
                .estimate
            }
        return JobCount(left.value + right.value, precision)
    }
}

extension JobCount {
    /// Whether it is exactly one.
    package var isOne: Bool { value == 1 && precision == .exact }

    /// The number with what is counted: `1 job`, `20,000+ jobs`.
    package func of(_ noun: String) -> String { "\(self) \(noun)\(isOne ? "" : "s")" }
}

extension JobCount: CustomStringConvertible {
    /// The number in groups of three digits: `1,234`, `20,000+`, `~ 3,400,000`.
    package var description: String {
        switch precision {
        case .exact: Self.grouped(value)
        case .atLeast: Self.grouped(value) + "+"
        case .estimate: "~ " + Self.grouped(value)
        }
    }

    private static func grouped(_ value: Int) -> String {
        let digits = Array(String(abs(value)).utf8)
        var text: [UInt8] = value < 0 ? [UInt8(ascii: "-")] : []
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(UInt8(ascii: ",")) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
