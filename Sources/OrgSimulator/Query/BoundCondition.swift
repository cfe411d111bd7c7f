/// A WHERE clause with resolved fields, and constants converted to the fields' types.
indirect enum BoundCondition: Sendable {
    case all([BoundCondition])
    case any([BoundCondition])
    case not(BoundCondition)
    case comparison(BoundPath, SOQLCondition.Operator, FieldValue)
    case like(BoundPath, LikePattern)
    case membership(BoundPath, Set<FieldValue>, isNegated: Bool)

    static func bind(
        _ condition: SOQLCondition, in org: Org, from table: Table
    ) throws(SOQLError) -> BoundCondition {
        switch condition {
        case .all(let parts): return .all(try bind(parts, in: org, from: table))
        case .any(let parts): return .any(try bind(parts, in: org, from: table))
        case .not(let part): return .not(try bind(part, in: org, from: table))
        case .comparison(let path, .like, let literal):
            let bound = try filterable(path, in: org, from: table)
            guard case .string(let pattern) = literal.value, bound.field.type.soapType == "xsd:string" else {
                throw SOQLError(
                    code: .malformedQuery, reason: "invalid operator on \(bound.field.type.rawValue) field",
                    offset: path.offset)
            }
            return .like(bound, LikePattern(pattern))
        case .comparison(let path, let comparison, let literal):
            let bound = try filterable(path, in: org, from: table)
            return .comparison(bound, comparison, try constant(literal, for: bound.field))
        case .membership(let path, let literals, let isNegated):
            let bound = try filterable(path, in: org, from: table)
            var values: Set<FieldValue> = []
            for literal in literals { values.insert(try constant(literal, for: bound.field)) }
            return .membership(bound, values, isNegated: isNegated)
        }
    }

    private static func bind(
        _ parts: [SOQLCondition], in org: Org, from table: Table
    ) throws(SOQLError) -> [BoundCondition] {
        var bound: [BoundCondition] = []
        for part in parts { bound.append(try bind(part, in: org, from: table)) }
        return bound
    }

    private static func filterable(
        _ path: SOQLQuery.FieldPath, in org: Org, from table: Table
    ) throws(SOQLError) -> BoundPath {
        let bound = try BoundPath.bind(path, in: org, from: table)
        guard bound.field.isFilterable else {
            throw SOQLError(
                code: .invalidField,
                reason: "field '\(bound.field.name)' can not be filtered in a query call",
                offset: path.offset)
        }
        return bound
    }

    /// The constant as a value of the field. Texts in lower case, because comparisons ignore case.
    /// Documented.
    private static func constant(
        _ literal: SOQLLiteral, for field: FieldSchema
    ) throws(SOQLError) -> FieldValue {
        switch (literal.value, field.type) {
        case (.null, _): return .null
        case (.boolean(let flag), .boolean): return .boolean(flag)
        case (.number(let number), .int), (.number(let number), .double), (.number(let number), .currency),
            (.number(let number), .percent):
            return .number(number)
        case (.date(let days), .date): return .date(days)
        case (.instant(let moment), .datetime): return .instant(moment)
        case (.string(let text), .id), (.string(let text), .reference):
            if text.isEmpty { return .null }
            guard let id = OrgRecordID(text) else {
                throw SOQLError(
                    code: .malformedQuery, reason: "invalid ID field: \(text)", offset: literal.offset)
            }
            return .id(id)
        case (.string(let text), let type) where type.soapType == "xsd:string":
            return text.isEmpty ? .null : .text(text.lowercased())
        default: throw mismatch(literal, field)
        }
    }

    private static func mismatch(_ literal: SOQLLiteral, _ field: FieldSchema) -> SOQLError {
        let type = field.type.soapType.drop { $0 != ":" }.dropFirst()
        let quotes =
            field.type.soapType == "xsd:string" || field.type.soapType == "tns:ID"
            ? "should be enclosed in quotes" : "should not be enclosed in quotes"
        return SOQLError(
            code: .invalidField,
            reason:
                "value of filter criterion for field '\(field.name)' must be of type \(type) and \(quotes)",
            offset: literal.offset)
    }

    /// True if the row is in the result.
    func holds(_ row: Int, of table: Table) -> Bool {
        switch self {
        case .all(let parts): parts.allSatisfy { $0.holds(row, of: table) }
        case .any(let parts): parts.contains { $0.holds(row, of: table) }
        case .not(let part): !part.holds(row, of: table)
        case .comparison(let path, let comparison, let constant):
            Self.compare(path.value(row, of: table).comparable, comparison, constant)
        case .like(let path, let pattern):
            if case .text(let text) = path.value(row, of: table) { pattern.matches(text) } else { false }
        case .membership(let path, let values, let isNegated):
            values.contains(path.value(row, of: table).comparable) != isNegated
        }
    }

    /// The only rows that can be in the result, in order, if that is cheap to know. Nil: any row.
    ///
    /// Reads by id, and polls of rows that changed since the simulator started, do not scan a large table.
    /// - Parameter includesDeleted: indexes of values have live rows only.
    func candidates(of table: Table, includesDeleted: Bool) -> [Int]? {
        switch self {
        case .all(let parts):
            return parts.lazy.compactMap { $0.candidates(of: table, includesDeleted: includesDeleted) }.first
        case .membership(let path, let values, isNegated: false) where path.isOwnID:
            return values.compactMap { Self.row($0, of: table) }.sorted()
        case .comparison(let path, .equal, let value) where path.isOwnID:
            return Self.row(value, of: table).map { [$0] } ?? []
        case .membership(let path, let values, isNegated: false) where !includesDeleted:
            guard let index = path.index, !values.contains(.null) else { return nil }
            return values.flatMap(index.rows).sorted()
        case .comparison(let path, .equal, let value) where !includesDeleted && value != .null:
            return path.index?.rows(value).sorted()
        case .comparison(let path, let comparison, .instant(let moment))
        where comparison == .greater || comparison == .greaterOrEqual:
            guard path.steps.isEmpty, table.schema.layout.creationStamps.contains(path.place),
                moment > Table.newestComputedStamp
            else { return nil }
            return table.changedRows
        default: return nil
        }
    }

    private static func row(_ value: FieldValue, of table: Table) -> Int? {
        guard case .id(let id) = value else { return nil }
        return table.row(id)
    }

    private static func compare(
        _ value: FieldValue, _ comparison: SOQLCondition.Operator, _ constant: FieldValue
    ) -> Bool {
        switch comparison {
        case .equal: return value == constant
        case .unequal: return value != constant
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .like: break
        }
        // Null is neither less nor greater than anything. Documented.
        guard value != .null, constant != .null else { return false }
        switch comparison {
        case .less: return value.precedes(constant)
        case .lessOrEqual: return !constant.precedes(value)
        case .greater: return constant.precedes(value)
        default: return !value.precedes(constant)
        }
    }
}
