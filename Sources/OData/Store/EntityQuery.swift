import HTTPWire
import TenantAdmin

/// The system query options of a request, checked against its table.
struct EntityQuery: Sendable {
    /// A property by which entities are sorted.
    struct Order: Equatable, Sendable {
        let column: ODataColumn
        let isDescending: Bool
    }

    var filter: FilterExpression?
    var search: SearchExpression?
    /// Ends with the key, so that the order is total.
    var order: [Order]
    /// In the table's order.
    var selected: [ODataColumn]
    /// Whether the client chose the properties.
    var isSelection = false
    var skip = 0
    /// Nil: all.
    var top: Int?
    /// Whether the number of all matching entities is wanted.
    var counts = false
    var token: PageToken?

    private static let known: Set<String> = [
        "$filter", "$orderby", "$select", "$skip", "$top", "$count", "$inlinecount", "$search", "$skiptoken",
        "$format",
    ]

    init(_ form: Form, _ table: ODataTable, _ version: ODataVersion) throws(ODataError) {
        let options = try Self.options(form)
        filter = try options["$filter"].map { text throws(ODataError) in
            try FilterParser.parse(text, version)
        }
        search = try Self.search(options["$search"], form, version)
        order = try Self.order(options["$orderby"] ?? "", table)
        selected = table.columns
        if let text = options["$select"], text != "*", !text.isEmpty {
            selected = try Self.selection(text, table)
            isSelection = true
        }
        skip = try Self.number(options, "$skip") ?? 0
        top = try Self.number(options, "$top")
        counts = try Self.counts(options, version)
        if let text = options["$skiptoken"] {
            let token = try PageToken(text: text)
            guard token.values.count == order.count else {
                throw ODataError(.syntax, "$skiptoken is of another $orderby")
            }
            self.token = token
        }
    }

    /// The options with a `$`. Others are for the client's own use.
    private static func options(_ form: Form) throws(ODataError) -> [String: String] {
        var options: [String: String] = [:]
        for field in form.fields where field.name.hasPrefix("$") {
            if field.name == "$expand" {
                throw ODataError(
                    .unsupported,
                    "the query option $expand is not supported: entities have no navigation properties, so "
                        + "read the other entity set with a $filter")
            }
            guard known.contains(field.name) else {
                throw ODataError(.unsupported, "the query option \(field.name) is not supported")
            }
            guard options.updateValue(field.value, forKey: field.name) == nil else {
                throw ODataError(.syntax, "the query option \(field.name) is there twice")
            }
        }
        return options
    }

    /// Version 2.0 has no `$search`: Salesforce sends a phrase as an option that its admin names.
    private static func search(
        _ text: String?, _ form: Form, _ version: ODataVersion
    ) throws(ODataError) -> SearchExpression? {
        switch version {
        case .v4: return try text.map { text throws(ODataError) in try SearchExpression.parse(text) }
        case .v2:
            guard text == nil else { throw ODataError(.unsupported, "version 2.0 has no $search") }
            return form["search"].flatMap { $0.isEmpty ? nil : .term($0) }
        }
    }

    private static func order(_ text: String, _ table: ODataTable) throws(ODataError) -> [Order] {
        var order: [Order] = []
        for part in text.split(separator: ",") {
            let words = part.split(separator: " ")
            guard let name = words.first, words.count == 1 || (words.count == 2 && isDirection(words[1]))
            else {
                throw ODataError(.syntax, "$orderby is not a list of properties with asc or desc")
            }
            let column = try column(String(name), table, "$orderby")
            guard !order.contains(where: { $0.column == column }) else { continue }
            order.append(Order(column: column, isDescending: words.last == "desc" && words.count == 2))
        }
        guard order.count <= ODataLimits.orderProperties else {
            throw ODataError(.tooLarge, "$orderby has more than \(ODataLimits.orderProperties) properties")
        }
        for name in table.key where !order.contains(where: { $0.column.name == name }) {
            order.append(Order(column: try column(name, table, "$orderby"), isDescending: false))
        }
        return order
    }

    private static func isDirection(_ word: Substring) -> Bool { word == "asc" || word == "desc" }

    private static func selection(
        _ text: String, _ table: ODataTable
    ) throws(ODataError) -> [ODataColumn] {
        var names: Set<String> = []
        for part in text.split(separator: ",") {
            let name = String(part.filter { $0 != " " })
            if name == "*" { return table.columns }
            names.insert(try column(name, table, "$select").name)
        }
        return table.columns.filter { names.contains($0.name) }
    }

    private static func column(
        _ name: String, _ table: ODataTable, _ option: String
    ) throws(ODataError) -> ODataColumn {
        guard let column = table.column(name) else {
            throw ODataError(.unknownProperty, "there is no property \(name), which \(option) names")
        }
        return column
    }

    private static func number(
        _ options: [String: String], _ name: String
    ) throws(ODataError) -> Int? {
        guard let text = options[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw ODataError(.syntax, "\(name) must be a number from 0 on")
        }
        return number
    }

    private static func counts(
        _ options: [String: String], _ version: ODataVersion
    ) throws(ODataError) -> Bool {
        let (name, other) = version == .v4 ? ("$count", "$inlinecount") : ("$inlinecount", "$count")
        guard options[other] == nil else {
            throw ODataError(.unsupported, "\(other) is not of this version: use \(name)")
        }
        let (yes, no) = version == .v4 ? ("true", "false") : ("allpages", "none")
        switch options[name] {
        case yes: return true
        case nil, no: return false
        default: throw ODataError(.syntax, "\(name) must be \(yes) or \(no)")
        }
    }
}
