internal import CCurl
internal import Reactor

/// One exchange: an easy handle, the data to send, and the received data that waits for its reader.
// SAFETY: loop-confined. libcurl holds unretained pointers to this object in `handle`. Its callbacks use them
// only while the handle is in a `Multi`, which retains the transfer for that time.
@safe final class Transfer: @unchecked Sendable {
    private enum State {
        case running
        case ended((any Error)?)
    }

    let handle: UnsafeMutableRawPointer
    private(set) var head: ResponseHeadReader
    private let upload: [UInt8]
    private let isRepeatable: Bool
    /// The server of an HTTP request, for its errors.
    private let place: String
    private let bufferedBytes: Int
    private var uploaded = 0
    private var buffer: [UInt8] = []
    private var isPaused = false
    private var state = State.running
    /// The reason of a callback that refused to continue.
    private var refusal: HTTPClientError?
    private var waiter: UnsafeContinuation<Void, Never>?
    private var wasRequestSent = false
    /// True if an address was not connected because of the request's `AddressRule`.
    private var wasAddressRefused = false
    private var isMail = false
    private var replyCode = 0
    private var refusals = MailRefusals()
    private let errorText: UnsafeMutablePointer<CChar>
    private var list: UnsafeMutablePointer<curl_slist>?

    private var lastActivity = ContinuousClock.now
    private var timer: LoopTimer?

    init(
        upload: [UInt8], isRepeatable: Bool, place: String = "", limits: HTTPClientLimits
    ) throws(HTTPClientError) {
        guard let handle = unsafe curl_easy_init() else {
            throw HTTPClientError(.other, detail: "curl_easy_init")
        }
        unsafe self.handle = handle
        self.upload = upload
        self.isRepeatable = isRepeatable
        self.place = place
        bufferedBytes = limits.bufferedBytes
        head = ResponseHeadReader(limit: limits.headBytes)
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe curl_slist_free_all(list)
        unsafe errorText.deallocate()
    }

    var key: UInt { unsafe UInt(bitPattern: handle) }
}

// Options.
extension Transfer {
    func set(_ option: CURLoption, _ value: Int) throws(HTTPClientError) {
        try check(unsafe curl_easy_set_long(handle, option, value))
    }

    func set(_ option: CURLoption, _ value: String) throws(HTTPClientError) {
        try check(unsafe curl_easy_set_text(handle, option, value))
    }

    func set(_ option: CURLoption, offset value: Int) throws(HTTPClientError) {
        try check(unsafe curl_easy_set_offset(handle, option, curl_off_t(value)))
    }

    /// A list of lines. libcurl reads it during the transfer, so it lives as long as the handle.
    func set(_ option: CURLoption, lines: [String]) throws(HTTPClientError) {
        precondition(unsafe list == nil, "a transfer has one list")
        for line in lines {
            guard let longer = unsafe curl_slist_append(list, line) else {
                throw HTTPClientError(.other, detail: "curl_slist_append")
            }
            unsafe list = longer
        }
        try check(unsafe curl_easy_set_list(handle, option, list))
    }

    func setProtocols(mail: Bool) throws(HTTPClientError) {
        isMail = mail
        try check(unsafe curl_easy_set_protocols(handle, mail ? 1 : 0))
    }

    /// The options of every transfer: callbacks, timeouts, no signals, no proxies, no waiting for the
    /// resolver's thread.
    func setCommon(_ limits: HTTPClientLimits) throws(HTTPClientError) {
        let user = unsafe Unmanaged.passUnretained(self).toOpaque()
        try check(unsafe curl_easy_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText))
        try check(unsafe curl_easy_set_pointer(handle, CURLOPT_WRITEDATA, user))
        try check(unsafe curl_easy_set_transfer(handle, CURLOPT_WRITEFUNCTION, transferDidReceive))
        try check(unsafe curl_easy_set_pointer(handle, CURLOPT_HEADERDATA, user))
        try check(unsafe curl_easy_set_transfer(handle, CURLOPT_HEADERFUNCTION, transferDidReceiveLine))
        try check(unsafe curl_easy_set_pointer(handle, CURLOPT_READDATA, user))
        try check(unsafe curl_easy_set_transfer(handle, CURLOPT_READFUNCTION, transferWillSend))
        try check(unsafe curl_easy_set_pointer(handle, CURLOPT_SEEKDATA, user))
        try check(unsafe curl_easy_set_seek(handle, transferWillRewind))
        try check(unsafe curl_easy_set_quick_exit(handle))
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_CONNECTTIMEOUT_MS, max(1, limits.connectTimeout.milliseconds))
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        // libcurl shares the parsed certificates between connections only without a directory of
        // certificates, and Debian's libcurl has one by default.
        try check(unsafe curl_easy_set_pointer(handle, CURLOPT_CAPATH, nil))
        if let file = limits.certificateFile { try set(CURLOPT_CAINFO, file) }
        // Without the empty name, libcurl would read proxies from the environment.
        try set(CURLOPT_PROXY, "")
    }

    /// Connects public addresses only, on a connection of its own: an open one may be that of a request
    /// without this rule.
    func checkAddresses() throws(HTTPClientError) {
        let user = unsafe Unmanaged.passUnretained(self).toOpaque()
        try check(unsafe curl_easy_set_pointer(handle, CURLOPT_OPENSOCKETDATA, user))
        try check(unsafe curl_easy_set_open_socket(handle, transferWillConnect))
        try set(CURLOPT_FRESH_CONNECT, 1)
        try set(CURLOPT_FORBID_REUSE, 1)
    }

    private func check(_ status: CURLcode) throws(HTTPClientError) {
        guard status == CURLE_OK else { throw error(status) }
    }
}

// The callbacks' work. It does not call libcurl.
extension Transfer {
    /// Whether a socket may be opened for this address: 4 or 16 bytes.
    fileprivate func mayConnect(_ address: [UInt8]) -> Bool {
        let isPublic = AddressRule.isPublic(address)
        if !isPublic { wasAddressRefused = true }
        return isPublic
    }

    /// The number of bytes taken, or libcurl's value for a pause.
    fileprivate func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastActivity = .now
        guard buffer.count < bufferedBytes else {
            isPaused = true
            return curl_write_pause
        }
        if buffer.capacity == 0 {
            // Capacity for one read, or for the whole body if it is announced and small.
            buffer.reserveCapacity(min(head.contentLength ?? 64 << 10, bufferedBytes) + (16 << 10))
        }
        unsafe buffer.append(contentsOf: bytes)
        wake()
        return bytes.count
    }

    fileprivate func receiveLine(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastActivity = .now
        let line = unsafe Array(bytes)
        // For a mail, these are the server's replies.
        if isMail {
            refusals.take(line)
            return bytes.count
        }
        guard head.take(line) else {
            refusal = HTTPClientError(.tooLarge, requestWasSent: true, detail: "response head")
            return 0
        }
        if head.isComplete { wake() }
        return bytes.count
    }

    fileprivate func send(into room: UnsafeMutableRawBufferPointer) -> Int {
        lastActivity = .now
        let count = min(room.count, upload.count - uploaded)
        unsafe upload.withUnsafeBytes { bytes in
            unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[uploaded..<uploaded + count]))
        }
        uploaded += count
        return count
    }

    /// libcurl rewinds to repeat a request on a new connection if a reused one was dead. Refusing makes it
    /// fail instead, because the server may have acted on the first attempt.
    fileprivate func rewind(to offset: Int) -> Int32 {
        guard isRepeatable, (0...upload.count).contains(offset) else { return CURL_SEEKFUNC_FAIL }
        uploaded = offset
        return CURL_SEEKFUNC_OK
    }
}

// Reading.
extension Transfer {
    /// Returns when the head has arrived. Throws the error that ended the transfer before.
    func waitForHead(in multi: Multi) async throws {
        while !head.isComplete {
            if case .ended(let error) = state {
                throw error ?? HTTPClientError(.interrupted, requestWasSent: true, detail: "no head")
            }
            await wait(in: multi)
        }
    }

    /// The received bytes. Nil at the end of the body.
    func next(in multi: Multi) async throws -> [UInt8]? {
        while true {
            try Task.checkCancellation()
            if !buffer.isEmpty {
                var chunk: [UInt8] = []
                swap(&chunk, &buffer)
                if isPaused {
                    isPaused = false
                    lastActivity = .now
                    multi.resume(self)
                }
                return chunk
            }
            if case .ended(let error) = state {
                if let error { throw error }
                return nil
            }
            await wait(in: multi)
        }
    }

    private func wait(in multi: Multi) async {
        let loop = multi.loop
        await withTaskCancellationHandler {
            unsafe await withUnsafeContinuation { continuation in
                precondition(unsafe waiter == nil, "two tasks read one response")
                unsafe waiter = continuation
            }
        } onCancel: {
            loop.post { multi.remove(self, because: CancellationError()) }
        }
    }

    private func wake() {
        guard let continuation = unsafe waiter else { return }
        unsafe waiter = nil
        unsafe continuation.resume()
    }
}

// The end.
extension Transfer {
    /// Ends the transfer at `deadline`, or if no byte was transferred for `idle` while the reader kept up.
    func watchTime(in multi: Multi, deadline: ContinuousClock.Instant, idle: Duration) {
        let silence = isPaused ? deadline : lastActivity + idle
        watchTime(in: multi, deadline: deadline, idle: idle, next: min(deadline, silence))
    }

    private func watchTime(
        in multi: Multi, deadline: ContinuousClock.Instant, idle: Duration, next: ContinuousClock.Instant,
        silentSince: ContinuousClock.Instant? = nil
    ) {
        timer = multi.loop.schedule(at: next) { [weak self, weak multi] in
            guard let self, let multi else { return }
            let now = ContinuousClock.now
            let isSilent = !isPaused && now >= lastActivity + idle
            guard now >= deadline || isSilent else {
                return watchTime(in: multi, deadline: deadline, idle: idle)
            }
            if now < deadline, silentSince != lastActivity {
                // This process may have been stopped: the sockets are checked once more before the timeout
                // counts.
                return watchTime(
                    in: multi, deadline: deadline, idle: idle, next: now, silentSince: lastActivity)
            }
            prepareEnd()
            multi.remove(self, because: HTTPClientError(.timedOut, requestWasSent: wasRequestSent))
        }
    }

    /// Runs the whole transfer and blocks the calling thread.
    func perform() throws(HTTPClientError) {
        let status = unsafe curl_easy_perform(handle)
        prepareEnd()
        guard status == CURLE_OK else { throw error(status) }
    }

    /// Reads the facts that libcurl forgets when the handle leaves its multi handle.
    func prepareEnd() {
        var size = 0
        unsafe curl_easy_get_long(handle, CURLINFO_REQUEST_SIZE, &size)
        wasRequestSent = isMail ? uploaded > 0 : size > 0
        guard isMail else { return }
        // For mail, the code of the last reply.
        unsafe curl_easy_get_long(handle, CURLINFO_RESPONSE_CODE, &replyCode)
    }

    func end(_ error: (any Error)?) {
        guard case .running = state else { return }
        state = .ended(placed(refusal ?? error))
        timer?.cancel()
        timer = nil
        wake()
    }

    /// The error with the name of the requested server.
    private func placed(_ error: (any Error)?) -> (any Error)? {
        guard var error = error as? HTTPClientError else { return error }
        error.place = place
        return error
    }

    func error(_ status: CURLcode) -> HTTPClientError {
        if let refusal { return refusal }
        var code = HTTPClientError.Code(status)
        if wasAddressRefused, code == .connect { code = .addressRefused }
        if isMail, status == CURLE_OPERATION_TIMEDOUT { code = .timedOut }
        // A reply that refuses something ends a mail with one of several libcurl codes.
        if isMail, replyCode >= 400, code == .interrupted || code == .other { code = .refused }
        return HTTPClientError(
            code, curlCode: Int(status.rawValue), requestWasSent: wasRequestSent,
            replyCode: isMail && replyCode > 0 ? replyCode : nil,
            reply: isMail ? refusals.text(of: replyCode) : nil, detail: unsafe String(cString: errorText))
    }
}

private func transferDidReceive(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
    guard let user = unsafe user else { return 0 }
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
    return unsafe transfer.receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
}

private func transferDidReceiveLine(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
    guard let user = unsafe user else { return 0 }
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
    return unsafe transfer.receiveLine(UnsafeRawBufferPointer(start: bytes, count: size * count))
}

private func transferWillSend(
    _ room: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
    guard let user = unsafe user else { return curl_read_abort }
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
    return unsafe transfer.send(into: UnsafeMutableRawBufferPointer(start: room, count: size * count))
}

private func transferWillRewind(
    _ user: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: Int32
) -> Int32 {
    guard let user = unsafe user, origin == SEEK_SET else { return CURL_SEEKFUNC_FAIL }
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
    return transfer.rewind(to: Int(offset))
}

private func transferWillConnect(
    _ user: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let user = unsafe user, let address = unsafe address else { return curl_no_socket }
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
    var count = 0
    let bytes = unsafe curl_address_bytes(address, &count)
    guard unsafe transfer.mayConnect(Array(UnsafeBufferPointer(start: bytes, count: count))) else {
        return curl_no_socket
    }
    return unsafe curl_open_socket(address)
}
