/// The largest request head that is read.
package struct HeadLimits: Sendable {
    /// Bytes of the request line. Browsers and proxies agree on about 8,000 (RFC 9112 section 3 asks for at
    /// least that).
    package var requestLineBytes = 8192
    /// Bytes of the whole head. Heroku's router passes at most 8 KiB a line; cookies and tokens need the
    /// rest.
    package var headBytes = 16_384
    /// Header fields. Browsers send about 20; each costs work even when it is short.
    package var fieldCount = 100

    package init() {}
}
