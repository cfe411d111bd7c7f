import Encoding
import FoundationEssentials
import HTTPClient
import Reactor

/// Opens the Canvas page of a simulated org, as a frame in Salesforce does.
struct DevelopmentCanvas: Sendable {
    let org: SimulatedOrg
    let applicationURL: String
    let simulatorURL: String
    let http: HTTPClient

    private var parameters: String { PercentCoding.form([("url", "\(applicationURL)/canvas")]) }

    /// The page of Salesforce with the app in a frame.
    var pageURL: String { "\(simulatorURL)/simulator/orgs/\(org.id)/canvas?\(parameters)" }

    /// Returns whether the page was opened.
    func show() async throws -> Bool {
        let signed = try await http.send(
            ClientRequest(url: "\(simulatorURL)/simulator/orgs/\(org.id)/signed-request?\(parameters)"))
        let form = PercentCoding.form([("signed_request", String(decoding: signed.body, as: UTF8.self))])
        let page = try await http.send(
            ClientRequest(
                method: "POST", url: "\(applicationURL)/canvas",
                headers: [("Content-Type", "application/x-www-form-urlencoded")], body: Array(form.utf8)))
        let isOpen = page.status == 200
        StandardOutput.write(
            line: "\nCanvas page of \(org.name): "
                + (isOpen ? "opened with a signed request" : "refused with status \(page.status)")
                + "\n  \(pageURL)")
        return isOpen
    }
}
