import Jobs
import Organizations
import TenantAdmin
import TenantSchema

extension JobsSession {
    /// Runs `body` with the functions of operators that may call orgs, and counts the calls. Commands that
    /// need no org do without the services of a loop.
    func withOrgs<Value>(_ body: (TenantOperator) async throws -> Value) async throws -> Value {
        let usage = APIUsage()
        let services = try LoopServices(
            launch, budget: launch.budget(reserved: 0), usage: usage, tallies: JobTallies())
        defer { services.close() }
        let tenants = TenantOperator(
            control: services.control, cells: services.cells, queue: services.queue, jobs: jobs,
            recovery: recovery,
            orgs: OrgAccess(
                sessions: services.sessions, resolver: NameResolver(namespace: launch.configuration.namespace)
            ),
            logger: launch.logger)
        let value = try await body(tenants)
        try? await usage.flush(to: services.control)
        return value
    }
}
