internal import Encoding
package import FoundationEssentials

extension RESTClient {
    /// Whether the org's objects or fields changed after a time, by the global describe. Salesforce counts a call
    /// also if nothing changed. (REST API Developer Guide, "Get Object Metadata Changes".)
    package func hasSchemaChanged(since time: Date) async throws -> Bool {
        var call = APICall(path: path("sobjects"))
        call.headers = [
            (
                "If-Modified-Since",
                InternetDate.http(secondsSince1970: Int(time.timeIntervalSince1970.rounded(.down)))
            )
        ]
        call.maximumBytes = SalesforceLimits.describeBodyBytes
        do {
            _ = try await perform(call)
            return true
        } catch let error as SalesforceError where error.httpStatus == 304 {
            return false
        }
    }
}
