/// The maximum size of a request head.
package struct HeadLimits: Sendable {
    /// Bytes of the request line. Browsers and proxies allow about 8,000 (RFC 9112 section 3 requires at
    /// least that).
    package var requestLineBytes = 8192
    /// Bytes of the whole head. Heroku's router passes at most 8 KiB for each line; the rest is for cookies
    /// and tokens.
    package var headBytes = 16_384
    /// Header fields. Browsers send about 20. Each costs work, even a short one.
    package var fieldCount = 100

    package init() {}
}
