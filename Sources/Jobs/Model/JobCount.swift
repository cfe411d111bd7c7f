internal import Encoding

/// A count and its precision. Counting stops at a bound, so that no page waits for a long table.
package struct JobCount: Sendable, Equatable {
    /// How exact the number is.
    package enum Precision: String, Sendable {
        /// Exactly this many.
        case exact
        /// A lower bound: counting stopped at this number.
        case atLeast = "at_least"
        /// The planner's estimate, as of the last vacuum or analyze.
        case estimate
    }

    /// The number.
    package var value: Int
    /// How exact it is.
    package var precision: Precision

    package init(_ value: Int, _ precision: Precision = .exact) {
        self.value = value
        self.precision = precision
    }

    /// A count that stopped after `bound` + 1 rows. Then the estimate is used if it is higher.
    package init(_ counted: Int, bound: Int, estimate: Int? = nil) {
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

    /// The number with a noun: `1 job`, `20,000+ jobs`.
    package func of(_ noun: String) -> String { "\(self) \(noun)\(isOne ? "" : "s")" }
}

extension JobCount: CustomStringConvertible {
    /// The number in groups of three digits: `1,234`, `20,000+`, `~ 3,400,000`.
    package var description: String {
        switch precision {
        case .exact: DigitGroups.text(value)
        case .atLeast: DigitGroups.text(value) + "+"
        case .estimate: "~ " + DigitGroups.text(value)
        }
    }
}
