import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
import Organizations
import Pages
import Postgres
import Replication
import Salesforce
import TenantAdmin

/// The list of tenants, the page of one tenant, and the actions on it.
struct TenantRoutes: Sendable {
    let tenants: TenantOperator
    let layout: DashboardLayout
    /// `APP_URL`, for the link to consent.
    let appURL: String
    /// Whether operators may browse rows.
    let showsRows: Bool
    /// How long one request may act on tenants.
    let actionTime: Duration

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/tenants", to: &router) { try await list($0) }
        pages.add(.get, "/tenants/bulk/:action", to: &router) { try await confirm($0) }
        pages.add(.post, "/tenants/bulk/:action", to: &router) { try await actOnAll($0) }
        pages.add(.post, "/tenants/selected", to: &router) { try await actOnSelected($0) }
        pages.add(.get, "/tenants/:org", to: &router) { try await show($0) }
        pages.add(.get, "/tenants/:org/check", to: &router) { try await check($0) }
        pages.add(.get, "/tenants/:org/remove", to: &router) { try await confirmRemoval($0) }
        pages.add(.post, "/tenants/:org/remove", to: &router) { try await remove($0) }
        pages.add(.post, "/tenants/:org/:action", to: &router) { try await act($0) }
    }

    private func list(_ visit: Visit) async throws -> Response {
        let query = TenantQuery(visit.request.query)
        let now = Date()
        async let counts = tenants.counts()
        let list = try await tenants.list(query.filter, order: query.order, after: query.after)
        async let traffic = tenants.traffic(of: list.tenants.map(\.organization))
        let page = TenantsPage(
            query: query, page: list,
            hours: try await tenants.hours(
                of: list.tenants.map(\.organization.id), since: now - Double(TenantFlowCharts.listSeconds)),
            traffic: await traffic, counts: try await counts, token: visit.token, notice: visit.notice,
            now: now)
        return layout.page("Tenants", in: .tenants, page.content)
    }

    private func tenant(_ visit: Visit) async throws -> Organization {
        guard let found = try await tenants.find(visit.request.parameters["org"] ?? "") else {
            throw Problem(.notFound, "There is no such tenant. Search for it in the list of tenants.")
        }
        return found
    }

    private func show(_ visit: Visit) async throws -> Response {
        let page = try await page(visit, visit.token)
        return layout.page(
            page.title, in: .tenants, live: LivePage(of: page.path, visit.token), page.content)
    }

    /// The parts that are updated while the page of a tenant is shown.
    func parts(_ visit: Visit) async throws -> [LivePart] { try await page(visit, .shared).parts }

    private func page(_ visit: Visit, _ token: FormToken) async throws -> TenantDetailPage {
        let organization = try await tenant(visit)
        let now = Date()
        async let cell = tenants.cell(of: organization)
        async let jobs = tenants.recentJobs(of: organization.id)
        async let hours = tenants.hours(
            of: [organization.id], since: now - Double(TenantFlowCharts.pageSeconds))
        guard let detail = try await tenants.detail(organization.id) else {
            throw Problem(.notFound, "The tenant was removed.")
        }
        return TenantDetailPage(
            detail: detail, cell: await cell,
            charts: TenantFlowCharts(hours: try await hours[organization.id] ?? [], now: now),
            jobs: try await jobs,
            link: ConsentLink.url(
                appURL: appURL, organization: organization.organizationID,
                environment: organization.environment),
            showsRows: showsRows && !visit.isViewer, token: token, notice: visit.notice, now: now)
    }

    private func check(_ visit: Visit) async throws -> Response {
        let organization = try await tenant(visit)
        var (checkup, complaint) = (Checkup?.none, String?.none)
        do {
            checkup = try await tenants.checkup(of: organization)
        } catch let error as TenantAdminError {
            complaint = error.description
        }
        let page = TenantCheckPage(organization: organization, checkup: checkup, complaint: complaint)
        return layout.page(page.title, in: .tenants, page.content)
    }

    private func act(_ visit: Visit) async throws -> Response {
        let organization = try await tenant(visit)
        let notice: Form
        do {
            notice = try await perform(visit.request.parameters["action"] ?? "", on: organization, visit)
        } catch let error as TenantAdminError where [.silentCell, .unknownCell].contains(error.code) {
            notice = [ActionNotice.field: "cell-silent"]
        } catch let error as TenantAdminError where [.silentOrg, .noConsent].contains(error.code) {
            notice = [ActionNotice.field: "org-silent"]
        }
        return visit.redirect(to: "\(TenantQuery.path)/\(organization.organizationID)", notice)
    }

    private func perform(
        _ action: String, on organization: Organization, _ visit: Visit
    ) async throws -> Form {
        switch action {
        case "reload":
            let id = try identifier(visit.form["mapping"].flatMap(UUID.init(uuidString:)))
            let isQueued = try await tenants.reload(id, of: organization.id, by: visit.actor)
            return [ActionNotice.field: isQueued ? "reloaded" : "not-reloaded"]
        case "compare":
            let id = try identifier(visit.form["mapping"].flatMap(UUID.init(uuidString:)))
            let isQueued = try await tenants.compare(id, of: organization.id, by: visit.actor)
            return [ActionNotice.field: isQueued ? "compared" : "not-reloaded"]
        case "acknowledge":
            let id = try identifier(visit.form["notification"].flatMap { Int64($0) })
            let wasOpen = try await tenants.acknowledge(id, by: visit.actor)
            return [ActionNotice.field: wasOpen ? "acknowledged" : "unchanged"]
        case "resolve":
            let id = try identifier(visit.form["change"].flatMap { Int($0) })
            let resolution = try await tenants.resolveWrite(
                id, try decision(visit.form), of: organization, by: visit.actor)
            return [ActionNotice.field: ActionNotice.kind(resolution)]
        case "writes":
            let id =
                visit.form["change"] == "all" ? nil : try identifier(visit.form["change"].flatMap { Int($0) })
            let count = try await tenants.retryWrites(id, of: organization, by: visit.actor)
            return [ActionNotice.field: "writes-retried", "changed": String(count)]
        default:
            guard let action = TenantAction(rawValue: action) else {
                throw Problem(.notFound, "There is no such action.")
            }
            return [ActionNotice.field: try await perform(action, on: organization, by: visit.actor)]
        }
    }

    private func decision(_ form: Form) throws -> WriteDecision {
        guard form["decision"] == "exists" else { return .sendAgain }
        guard let text = form["sfid"], !text.isEmpty else { return .exists(sfid: nil) }
        guard let sfid = ExplorerFilter.sfid(text) else {
            throw Problem(.badRequest, "“\(text.prefix(40))” is not the id of a record.")
        }
        return .exists(sfid: sfid)
    }

    private func identifier<ID>(_ id: ID?) throws -> ID {
        guard let id else { throw Problem(.badRequest, "The form's id is not valid.") }
        return id
    }

    /// Returns the notice.
    private func perform(
        _ action: TenantAction, on organization: Organization, by actor: String
    ) async throws -> String {
        switch action {
        case .pause:
            let (outcome, isInterrupted) = try await tenants.pause(organization, by: actor)
            return notice(outcome, isInterrupted ? "tenant-paused" : "tenant-paused-partly")
        case .resume: return notice(try await tenants.resume(organization, by: actor), "tenant-resumed")
        case .retry:
            guard let retry = try await tenants.retry(organization.id, by: actor), retry.isAllowed else {
                return "tenant-refused"
            }
            return retry.steps.isEmpty ? "tenant-complete" : "tenant-retried"
        case .mail:
            switch try await tenants.mailAgain(organization.id, by: actor) {
            case .queued: return "mail-queued"
            case .tooSoon: return "mail-too-soon"
            case .refused, .unknown: return "tenant-refused"
            }
        }
    }

    private func notice(_ outcome: TenantPause.Outcome, _ done: String) -> String {
        switch outcome {
        case .changed: done
        case .unchanged: "unchanged"
        case .refused, .unknown: "tenant-refused"
        }
    }
}

// Off-boarding.
extension TenantRoutes {
    private func confirmRemoval(_ visit: Visit) async throws -> Response {
        try await removalPage(try await tenant(visit), visit)
    }

    private func removalPage(
        _ organization: Organization, _ visit: Visit, complaint: String? = nil,
        report: TenantRemovalReport? = nil
    ) async throws -> Response {
        let page = TenantRemovePage(
            organization: organization, unsent: await tenants.unsentWrites(of: organization),
            complaint: complaint, report: report, token: visit.token)
        var response = layout.page(page.title, in: .tenants, page.content)
        if complaint != nil { response.status = .badRequest }
        return response
    }

    private func remove(_ visit: Visit) async throws -> Response {
        let organization = try await tenant(visit)
        let text = visit.form[TenantRemovePage.confirmField] ?? ""
        guard (try? OrganizationID(text)) == organization.organizationID else {
            return try await removalPage(
                organization, visit,
                complaint: "Nothing was done: type \(organization.organizationID) to confirm.")
        }
        let report = try await tenants.remove(organization, by: visit.actor)
        return try await removalPage(organization, visit, report: report)
    }
}

// Actions on several tenants.
extension TenantRoutes {
    private func action(_ text: String?) throws -> TenantAction {
        guard let action = text.flatMap(TenantAction.init(rawValue:)) else {
            throw Problem(.badRequest, "There is no such action.")
        }
        return action
    }

    private func confirm(_ visit: Visit) async throws -> Response {
        let action = try action(visit.request.parameters["action"])
        let query = TenantQuery(visit.request.query)
        let page = TenantBulkPage(
            action: action, query: query, count: try await tenants.count(action, query.filter),
            rest: visit.request.query[TenantBulkPage.restField].flatMap(TenantPosition.init),
            token: visit.token, notice: visit.notice)
        return layout.page(page.title, in: .tenants, page.content)
    }

    private func actOnSelected(_ visit: Visit) async throws -> Response {
        let action = try action(visit.form["action"])
        let query = TenantQuery(visit.form)
        let names = visit.form.values("org")
        guard !names.isEmpty else {
            return visit.redirect(to: query.link(), [ActionNotice.field: "nothing-ticked"])
        }
        let outcome = try await tenants.perform(action, onEach: names, by: visit.actor)
        return visit.redirect(to: query.link(), ActionNotice.fields(action, outcome))
    }

    private func actOnAll(_ visit: Visit) async throws -> Response {
        let action = try action(visit.request.parameters["action"])
        let query = TenantQuery(visit.form)
        guard query.complaints.isEmpty else { throw Problem(.badRequest, query.complaints[0]) }
        let outcome = try await tenants.performAll(
            action, query.filter, by: visit.actor,
            from: visit.form[TenantBulkPage.restField].flatMap(TenantPosition.init), within: actionTime)
        var notice = ActionNotice.fields(action, outcome)
        guard let rest = outcome.rest else { return visit.redirect(to: query.link(), notice) }
        notice.fields.append(.init(name: TenantBulkPage.restField, value: "\(rest)"))
        return visit.redirect(to: query.link(TenantBulkPage.path(action)), notice)
    }
}
