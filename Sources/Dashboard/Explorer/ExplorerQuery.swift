import HTTPWire
import TenantAdmin

/// The query of the URL of the explorer.
struct ExplorerQuery: Sendable {
    static let sfidField = "sfid"
    static let idField = "id"
    static let operationField = "op"
    static let errorField = "err"
    private static let beforeField = "before"

    private(set) var filter = ExplorerFilter()
    /// The fields as they were typed.
    let form: Form
    /// Messages about invalid fields.
    private(set) var complaints: [String] = []

    init(_ form: Form) {
        self.form = form
        if let text = form[Self.sfidField], !text.isEmpty {
            filter.sfid = ExplorerFilter.sfid(text)
            if filter.sfid == nil { complaints.append("“\(text)” is not the id of a record.") }
        }
        if let text = form[Self.idField], !text.isEmpty {
            filter.id = Int32(text).map(Int.init)
            if filter.id == nil { complaints.append("“\(text)” is not a number.") }
        }
        if let text = form[Self.operationField], !text.isEmpty {
            filter.lastOperation = String(text.prefix(32)).filter { $0 != "\0" }
        }
        filter.hasError = form[Self.errorField] == "on"
        filter.before = form[Self.beforeField].flatMap { Int32($0) }.map(Int.init)
    }

    /// The URL of a page.
    func link(_ path: String, before id: Int? = nil) -> String {
        var fields = form.fields.filter { $0.name != Self.beforeField && !$0.value.isEmpty }
        if let id { fields.append(.init(name: Self.beforeField, value: String(id))) }
        return fields.isEmpty ? path : "\(path)?\(Form(fields).encoded)"
    }

    var isNarrow: Bool { filter != ExplorerFilter() }
}
