import Encoding
import TenantAdmin

/// The documents about a whole service: the list of its entity sets, and their metadata.
struct ServiceDescription {
    static let namespace = "Multiconnect"

    /// With a final slash.
    let root: String
    let alias: String
    let tables: [ODataTable]
    let version: ODataVersion

    /// The name of a table's entity set, as `salesforce$account`.
    func entitySet(_ table: ODataTable) -> String { "\(alias)$\(table.name)" }

    /// The list of entity sets as JSON.
    var json: [UInt8] {
        let names = tables.map(entitySet)
        switch version {
        case .v2:
            return JSONText.object([
                ("d", .object([("EntitySets", .array(names.map(JSONText.string)))]))
            ]).encoded
        case .v4:
            let sets = names.map { name -> JSONText in
                .object([("name", .string(name)), ("kind", "EntitySet"), ("url", .string(name))])
            }
            return JSONText.object([
                ("@odata.context", .string(root + "$metadata")), ("value", .array(sets)),
            ]).encoded
        }
    }

    /// The list of entity sets in XML (version 2.0).
    var xml: String {
        let collections = tables.map { table in
            let name = XMLText.escaped(entitySet(table))
            return "<collection href=\"\(name)\"><atom:title>\(name)</atom:title></collection>"
        }.joined()
        return """
            <?xml version="1.0" encoding="utf-8"?><service xml:base="\(XMLText.escaped(root))" \
            xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"><workspace>\
            <atom:title>Default</atom:title>\(collections)</workspace></service>
            """
    }

    /// `$metadata`
    var metadata: String {
        let types = tables.map(entityType).joined()
        let sets = tables.map { table in
            """
            <EntitySet Name="\(XMLText.escaped(entitySet(table)))" \
            EntityType="\(Self.namespace).\(XMLText.escaped(table.name))"/>
            """
        }.joined()
        switch version {
        case .v2:
            return """
                <?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="1.0" \
                xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"><edmx:DataServices \
                m:DataServiceVersion="2.0" \
                xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">\
                <Schema Namespace="\(Self.namespace)" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">\
                \(types)<EntityContainer Name="Container" m:IsDefaultEntityContainer="true">\(sets)\
                </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>
                """
        case .v4:
            return """
                <?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" \
                xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>\
                <Schema Namespace="\(Self.namespace)" xmlns="http://docs.oasis-open.org/odata/ns/edm">\
                \(types)<EntityContainer Name="Container">\(sets)</EntityContainer></Schema>\
                </edmx:DataServices></edmx:Edmx>
                """
        }
    }

    private func entityType(_ table: ODataTable) -> String {
        let key = table.key.map { "<PropertyRef Name=\"\($0)\"/>" }.joined()
        let properties = table.columns.map {
            property($0, isComputed: $0.isReadOnly && !table.key.contains($0.name))
        }.joined()
        return
            "<EntityType Name=\"\(XMLText.escaped(table.name))\"><Key>\(key)</Key>\(properties)</EntityType>"
    }

    /// - Parameter isComputed: whether clients should not send it. Some need to send a key.
    private func property(_ column: ODataColumn, isComputed: Bool) -> String {
        var attributes = "Name=\"\(column.name)\" Type=\"\(EdmType.name(of: column.kind, version))\""
        if !column.isNullable { attributes += " Nullable=\"false\"" }
        switch column.kind {
        case .varchar, .character:
            if let length = column.length { attributes += " MaxLength=\"\(length)\"" }
        case .decimal:
            if let precision = column.precision, let scale = column.scale {
                attributes += " Precision=\"\(precision)\" Scale=\"\(scale)\""
            } else if version == .v4 {
                attributes += " Scale=\"variable\""
            }
        case .timestamp, .zonedTimestamp, .time: attributes += " Precision=\"6\""
        case .text:
            // Salesforce makes a text without a length one of 128 characters, and cuts longer ones.
            attributes += " MaxLength=\"\(Self.unlimitedLength)\""
        default: break
        }
        guard isComputed, version == .v4 else { return "<Property \(attributes)/>" }
        return """
            <Property \(attributes)><Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/></Property>
            """
    }

    /// The length of a long text area of Salesforce.
    private static let unlimitedLength = 131_072
}
