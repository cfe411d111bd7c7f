extension FieldValue {
    /// The value for comparisons: texts in lower case, integers as numbers.
    var comparable: FieldValue {
        switch self {
        case .text(let text): .text(text.lowercased())
        case .integer(let number): .number(Double(number))
        default: self
        }
    }

    /// True if this value sorts before `other`. Both are comparable values of one field. Nulls sort first.
    func precedes(_ other: FieldValue) -> Bool {
        switch (self, other) {
        case (.null, .null): false
        case (.null, _): true
        case (.boolean(let left), .boolean(let right)): !left && right
        case (.integer(let left), .integer(let right)), (.date(let left), .date(let right)),
            (.time(let left), .time(let right)), (.instant(let left), .instant(let right)):
            left < right
        case (.number(let left), .number(let right)): left < right
        case (.text(let left), .text(let right)): left < right
        case (.id(let left), .id(let right)): left < right
        default: false
        }
    }
}
