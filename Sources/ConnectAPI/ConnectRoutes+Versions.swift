import Encoding
import FoundationEssentials
import HTTPServer
import HTTPWire
import Organizations
import Salesforce
import TenantAdmin

// The version of Salesforce's API. It is the same for all connections, and a release of Multiconnect
// changes it; so a change is refused as one to a version that Heroku Connect does not support.
extension ConnectRoutes {
    func addVersions(to router: inout Router) {
        let path = "/api/v3/connections/:id"
        on(.get, "\(path)/schema-diff", to: &router) { try await schemaDiff($0) }
        on(.post, "\(path)/actions/change-sf-api-version", to: &router) { try await changeVersion($0) }
    }

    /// The difference between the version in use and itself: none. Another version is refused.
    private func schemaDiff(_ call: Call) async throws -> Response {
        let report = try await connection(call)
        let target = try Self.version(call.request.query["target_version"])
        guard target == .pinned else { throw Self.unsupported(target) }
        let mappings = report.mappings.map { mapping -> JSONText in
            .object([
                ("name", .string(mapping.objectName)), ("fields_have_changed", false),
                ("has_unsafe_changes", false), ("action_undetermined", false), ("result_message", ""),
            ])
        }
        return Self.json(
            .object([
                ("guid", .string(ConnectionDocument.text(report.organization.connectionID))),
                ("current_api_version", .string("\(APIVersion.pinned)")),
                ("target_api_version", .string("\(target)")), ("mappings", .array(mappings)),
                ("target_version", .string("\(target)")),
            ]))
    }

    private func changeVersion(_ call: Call) async throws -> Response {
        _ = try await connection(call)
        let text: String? =
            switch try Self.body(call.request)["target_version"] {
            case .string(let text), .number(let text): text
            default: nil
            }
        let target = try Self.version(text)
        guard target != .pinned else {
            throw Problem(.conflict, "The connection uses version \(target) already.")
        }
        throw Self.unsupported(target)
    }

    private static func version(_ text: String?) throws -> APIVersion {
        guard let version = text.flatMap({ APIVersion($0) }) else {
            throw Problem(.badRequest, "target_version must be a version of Salesforce's API, as 61.0.")
        }
        return version
    }

    private static func unsupported(_ version: APIVersion) -> Problem {
        Problem(
            .conflict,
            """
            Version \(version) is not supported: all connections use \(APIVersion.pinned). A later release \
            of Multiconnect may use another.
            """)
    }
}
