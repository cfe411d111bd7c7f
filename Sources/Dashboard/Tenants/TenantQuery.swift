import HTTPWire
import Organizations
import TenantAdmin

/// The query of the URL of the list of tenants: the filter, the order and the position.
struct TenantQuery: Sendable {
    static let path = "/dashboard/tenants"
    static let searchField = "q"
    static let statusField = "status"
    static let attentionField = "attention"
    static let orderField = "order"
    private static let afterField = "after"

    private(set) var filter = TenantFilter()
    private(set) var order = TenantOrder.attention
    private(set) var after: TenantPosition?
    /// Messages about invalid fields.
    private(set) var complaints: [String] = []

    init(_ form: Form) {
        filter.search = String((form[Self.searchField] ?? "").prefix(TenantAdminLimits.searchCharacters))
        for text in form.values(Self.statusField) where !text.isEmpty {
            if let status = OrganizationStatus(rawValue: text) {
                filter.statuses.insert(status)
            } else {
                complaints.append("“\(text)” is not a status of tenants.")
            }
        }
        filter.needsAttention = form[Self.attentionField] == "on"
        if let text = form[Self.orderField], !text.isEmpty {
            if let known = TenantOrder(rawValue: text) {
                order = known
            } else {
                complaints.append("“\(text)” is not an order.")
            }
        }
        if let text = form[Self.afterField], !text.isEmpty {
            after = TenantPosition(text)
            if after == nil { complaints.append("The URL has an invalid position. This is the first page.") }
        }
    }

    /// The fields of the filter and the order.
    var fields: [Form.Field] {
        var fields: [Form.Field] = []
        if !filter.search.isEmpty { fields.append(.init(name: Self.searchField, value: filter.search)) }
        for status in OrganizationStatus.allCases where filter.statuses.contains(status) {
            fields.append(.init(name: Self.statusField, value: status.rawValue))
        }
        if filter.needsAttention { fields.append(.init(name: Self.attentionField, value: "on")) }
        if order != .attention { fields.append(.init(name: Self.orderField, value: order.rawValue)) }
        return fields
    }

    /// The URL of this list, from the first page or after a position.
    func link(_ path: String = Self.path, after: TenantPosition? = nil) -> String {
        var form = Form(fields)
        if let after { form.fields.append(.init(name: Self.afterField, value: "\(after)")) }
        return form.fields.isEmpty ? path : "\(path)?\(form.encoded)"
    }

    /// A copy with other statuses.
    func with(_ statuses: Set<OrganizationStatus>) -> TenantQuery {
        var query = self
        query.filter.statuses = statuses
        return query
    }

    /// Whether the filter has conditions.
    var isNarrow: Bool { filter != TenantFilter() }
}
