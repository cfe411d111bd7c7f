/// A response with its whole body.
package struct ClientResponse: Sendable {
    package let status: Int
    package let headers: ClientHeaders
    package let body: [UInt8]

    package init(status: Int, headers: ClientHeaders, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
