import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
import Jobs
import Pages

/// The page of queues, and the forms on it: pauses and weights.
struct QueueRoutes: Sendable {
    let jobs: JobOperator
    let tenants: TenantLookup
    let layout: DashboardLayout

    static let path = "/dashboard/jobs/queues"

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/queues", to: &router) { try await show($0) }
        pages.add(.post, "/pauses", to: &router) { try await changePause($0) }
        pages.add(.post, "/weights", to: &router) { try await changeWeight($0) }
    }

    private func show(_ visit: Visit, complaint: String? = nil) async throws -> Response {
        let page = try await page(visit, visit.token, complaint)
        var response = layout.page(
            "Queues", in: .queues, live: LivePage(of: Self.path, visit.token), page.content)
        if complaint != nil { response.status = .badRequest }
        return response
    }

    /// The parts that are updated while the page is shown.
    func parts(_ visit: Visit) async throws -> [LivePart] { try await page(visit, .shared, nil).parts }

    private func page(_ visit: Visit, _ token: FormToken, _ complaint: String?) async throws -> QueuesPage {
        // The slowest parts: with millions of jobs each takes a large part of the page's time.
        async let counted = jobs.census()
        async let names = jobs.knownNames()
        async let shared = jobs.tenantShares()
        let (pauses, weights) = (try await jobs.pausedScopes(), try await jobs.tenantWeights())
        let workers = try await jobs.workers().filter(\.isAlive)
        let shares = try await shared
        let organizations = try await tenants.organizations([], pauses, weights)
            .merging(try await tenants.organizations(ids: shares.map(\.organizationID))) { first, _ in first }
        let census = try await counted
        return QueuesPage(
            census: census, totals: await jobs.totals(), runs: await jobs.pastRuns(), known: try await names,
            pauses: pauses,
            shares: SharesSection(
                shares: shares, weights: weights, pauses: pauses, workers: workers,
                organizations: organizations,
                token: token, time: census.time),
            weights: weights, organizations: organizations, token: token, notice: visit.notice,
            complaint: complaint)
    }

    private func changePause(_ visit: Visit) async throws -> Response {
        let scope: PauseScope
        do {
            scope = try await self.scope(visit.form)
        } catch let complaint as Complaint {
            return try await show(visit, complaint: complaint.text)
        }
        let isChanged: Bool
        switch visit.form["action"] {
        case "pause":
            let reason = visit.form["reason"].flatMap { $0.isEmpty ? nil : String($0.prefix(200)) }
            isChanged = try await jobs.pause(scope, by: visit.actor, reason: reason)
        case "resume": isChanged = try await jobs.resume(scope, by: visit.actor)
        default: throw Problem(.badRequest, "The form's action is neither pause nor resume.")
        }
        var notice = isChanged ? (visit.form["action"] == "pause" ? "paused" : "resumed") : "unchanged"
        // The pause is already stored. If the check of the name fails, only the warning is missing.
        if notice == "paused", (try? await jobs.warning(about: scope)) != nil { notice = "paused-unknown" }
        return visit.redirect(to: Self.path, [ActionNotice.field: notice])
    }

    private func changeWeight(_ visit: Visit) async throws -> Response {
        guard let weight = visit.form["weight"].flatMap({ Int($0) }), TenantWeight.range.contains(weight)
        else { return try await show(visit, complaint: "A weight is a number from 1 to 100.") }
        let organization: UUID
        do {
            organization = try await tenant(visit.form["tenant"] ?? "")
        } catch let complaint as Complaint {
            return try await show(visit, complaint: complaint.text)
        }
        let isChanged = try await jobs.weigh(organization, weight, by: visit.actor)
        return visit.redirect(to: Self.path, [ActionNotice.field: isChanged ? "weighed" : "unchanged"])
    }

    /// A wrong value in a form; the page shows it above the form.
    private struct Complaint: Error {
        let text: String
    }

    /// The scope that a form names: by its key, or by a kind and a name.
    private func scope(_ form: Form) async throws -> PauseScope {
        if let key = form["scope"] {
            guard let scope = PauseScope(key: key) else {
                throw Problem(.badRequest, "The form's scope is not valid.")
            }
            return scope
        }
        let name = form["name"] ?? ""
        if form["kind"] == "tenant" { return .tenant(try await tenant(name)) }
        guard let scope = PauseScope(key: "\(form["kind"] ?? ""):\(name)") else {
            throw Complaint(text: "“\(name)” is not a valid name of a \(form["kind"] ?? "queue").")
        }
        return scope
    }

    private func tenant(_ text: String) async throws -> UUID {
        guard !text.isEmpty else { throw Complaint(text: "The tenant is missing. Enter its org id.") }
        guard let id = try await tenants.existing(text) else {
            throw Complaint(text: "There is no tenant “\(text)”. Enter its org id.")
        }
        return id
    }
}
