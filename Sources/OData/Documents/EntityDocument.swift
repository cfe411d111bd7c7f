import Encoding
import Postgres
import TenantAdmin

/// Writes entities in one of the formats: JSON of version 4.0, verbose JSON and Atom of version 2.0.
struct EntityDocument {
    enum Format: Sendable {
        case json
        case atom
    }

    let service: ServiceDescription
    let table: ODataTable
    let format: Format
    /// Columns of the rows. The first ones are shown.
    let columns: [ODataColumn]
    let shown: Int
    /// Names of the chosen properties, for version 4.0; nil if all are shown.
    let selection: [String]?
    /// The answer's time as ISO 8601, for Atom.
    let now: String
    /// The beginning of each member in JSON, as `,"name":`.
    private let labels: [[UInt8]]

    init(
        service: ServiceDescription, table: ODataTable, format: Format, columns: [ODataColumn], shown: Int,
        selection: [String]?, now: String
    ) {
        self.service = service
        self.table = table
        self.format = format
        self.columns = columns
        self.shown = shown
        self.selection = selection
        self.now = now
        labels = columns.prefix(shown).enumerated().map { index, column in
            Array("\(index > 0 ? "," : "")\(JSONText.quoted(column.name)):".utf8)
        }
    }

    private var set: String { service.entitySet(table) }

    /// The media type of answers with entities.
    static func mediaType(_ version: ODataVersion, _ format: Format, isFeed: Bool) -> String {
        switch (version, format) {
        case (.v4, _): "application/json;odata.metadata=minimal"
        case (.v2, .json): "application/json;charset=utf-8"
        case (.v2, .atom): "application/atom+xml;type=\(isFeed ? "feed" : "entry");charset=utf-8"
        }
    }

    /// The beginning of a list.
    func head(count: Int?) -> [UInt8] {
        switch (service.version, format) {
        case (.v4, _):
            var text = "{\"@odata.context\":\(JSONText.quoted(context)),"
            if let count { text += "\"@odata.count\":\(count)," }
            return Array((text + "\"value\":[").utf8)
        case (.v2, .json):
            return Array("{\"d\":{\(count.map { "\"__count\":\"\($0)\"," } ?? "")\"results\":[".utf8)
        case (.v2, .atom):
            let count = count.map { "<m:count>\($0)</m:count>" } ?? ""
            return Array(
                """
                \(Self.declaration)<feed \(namespaces)>\(count)\
                <title type="text">\(XMLText.escaped(set))</title>\
                <id>\(XMLText.escaped(service.root + set))</id><updated>\(now)</updated>\
                <link rel="self" title="\(XMLText.escaped(set))" href="\(XMLText.escaped(set))"/>
                """.utf8)
        }
    }

    /// The end of a list.
    ///
    /// - Parameter next: the URL of the next page.
    func tail(next: String?) -> [UInt8] {
        switch (service.version, format) {
        case (.v4, _):
            Array("]\(next.map { ",\"@odata.nextLink\":\(JSONText.quoted($0))" } ?? "")}".utf8)
        case (.v2, .json): Array("]\(next.map { ",\"__next\":\(JSONText.quoted($0))" } ?? "")}}".utf8)
        case (.v2, .atom):
            Array("\(next.map { "<link rel=\"next\" href=\"\(XMLText.escaped($0))\"/>" } ?? "")</feed>".utf8)
        }
    }

    /// Appends a row of a list.
    func append(_ row: Row, isFirst: Bool, to bytes: inout [UInt8]) throws {
        switch format {
        case .json:
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            bytes.append(UInt8(ascii: "{"))
            try appendMembers(row, to: &bytes)
            bytes.append(UInt8(ascii: "}"))
        case .atom: try appendEntry(row, namespaces: "", to: &bytes)
        }
    }

    /// An answer with one entity.
    func single(_ row: Row) throws -> [UInt8] {
        var bytes: [UInt8] = []
        switch (service.version, format) {
        case (.v4, _):
            bytes += "{\"@odata.context\":\(JSONText.quoted(context + "/$entity")),".utf8
            try appendMembers(row, to: &bytes)
            bytes.append(UInt8(ascii: "}"))
        case (.v2, .json):
            bytes += "{\"d\":{".utf8
            try appendMembers(row, to: &bytes)
            bytes += "}}".utf8
        case (.v2, .atom):
            bytes += Self.declaration.utf8
            try appendEntry(row, namespaces: " \(namespaces)", to: &bytes)
        }
        return bytes
    }

    /// The URL of a row's entity.
    func url(_ row: Row) throws -> String { service.root + (try path(row)) }

    private var context: String {
        "\(service.root)$metadata#\(set)\(selection.map { "(\($0.joined(separator: ",")))" } ?? "")"
    }

    private func path(_ row: Row) throws -> String {
        var values: [(column: ODataColumn, text: String)] = []
        for name in table.key {
            guard let index = columns.firstIndex(where: { $0.name == name }) else { continue }
            values.append((columns[index], try row[index, as: String.self]))
        }
        return set + EdmKey.text(values, service.version)
    }

    private func appendMembers(_ row: Row, to bytes: inout [UInt8]) throws {
        if service.version == .v2 {
            let metadata = JSONText.object([
                ("uri", .string(try url(row))),
                ("type", .string("\(ServiceDescription.namespace).\(table.name)")),
            ])
            bytes += "\"__metadata\":".utf8
            metadata.append(to: &bytes)
            if shown > 0 { bytes.append(UInt8(ascii: ",")) }
        }
        for index in 0..<shown {
            bytes.append(contentsOf: labels[index])
            try EdmText.append(json: row, index, columns[index].kind, service.version, to: &bytes)
        }
    }
}

// Atom.
extension EntityDocument {
    private static let declaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>"

    private var namespaces: String {
        """
        xml:base="\(XMLText.escaped(service.root))" xmlns="http://www.w3.org/2005/Atom" \
        xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" \
        xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
        """
    }

    private func appendEntry(_ row: Row, namespaces: String, to bytes: inout [UInt8]) throws {
        let path = XMLText.escaped(try path(row))
        let type = XMLText.escaped(table.name)
        bytes +=
            """
            <entry\(namespaces)><id>\(XMLText.escaped(service.root))\(path)</id><title type="text"/>\
            <updated>\(now)</updated><author><name/></author>\
            <link rel="edit" title="\(type)" href="\(path)"/>\
            <category term="\(ServiceDescription.namespace).\(type)" \
            scheme="http://schemas.microsoft.com/ado/2007/08/dataservices/scheme"/>\
            <content type="application/xml"><m:properties>
            """.utf8
        for index in 0..<shown {
            let column = columns[index]
            let value = EdmText.xml(try row[index, as: String?.self], column.kind)
            let type = column.kind.isText ? "" : " m:type=\"\(EdmType.name(of: column.kind, .v2))\""
            guard let value else {
                bytes += "<d:\(column.name)\(type) m:null=\"true\"/>".utf8
                continue
            }
            bytes += "<d:\(column.name)\(type)>".utf8
            XMLText.append(value, to: &bytes)
            bytes += "</d:\(column.name)>".utf8
        }
        bytes += "</m:properties></content></entry>".utf8
    }
}
