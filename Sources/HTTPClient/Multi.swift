internal import CCurl
internal import Reactor

/// libcurl's multi handle, driven by one loop. libcurl names the sockets and the timeout, and the loop
/// reports their events.
///
/// libcurl must not be called inside its own callbacks. These callbacks only store data, change watchers and
/// timers, and resume tasks, which run later. Every call to libcurl starts in a task, a watcher or a timer.
// SAFETY: loop-confined: `HTTPClient` checks the loop in every method. libcurl holds an unretained pointer to
// this object in `handle`, which `shutdown` cleans up before the object is released.
@safe final class Multi: @unchecked Sendable {
    let loop: EventLoop
    private let handle: UnsafeMutableRawPointer
    private var watchers: [Int32: Watcher] = [:]
    private var timer: LoopTimer?
    private var transfers: [UInt: Transfer] = [:]

    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(limits: HTTPClientLimits) {
        precondition(Self.isLibraryReady, "libcurl initialises")
        guard let handle = unsafe curl_multi_init() else { preconditionFailure("no memory for libcurl") }
        loop = .current
        unsafe self.handle = handle
        let user = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe curl_multi_set_pointer(handle, CURLMOPT_SOCKETDATA, user)
        unsafe curl_multi_set_socket_callback(handle) { _, socket, what, user, _ in
            guard let user = unsafe user else { return 0 }
            unsafe Unmanaged<Multi>.fromOpaque(user).takeUnretainedValue().watch(socket, what)
            return 0
        }
        unsafe curl_multi_set_pointer(handle, CURLMOPT_TIMERDATA, user)
        unsafe curl_multi_set_timer_callback(handle) { _, milliseconds, user in
            guard let user = unsafe user else { return 0 }
            unsafe Unmanaged<Multi>.fromOpaque(user).takeUnretainedValue().setTimer(milliseconds)
            return 0
        }
        unsafe curl_multi_set_long(handle, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        unsafe curl_multi_set_long(handle, CURLMOPT_MAX_TOTAL_CONNECTIONS, limits.connections)
        unsafe curl_multi_set_long(handle, CURLMOPT_MAX_HOST_CONNECTIONS, limits.connectionsPerHost)
        unsafe curl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, limits.idleConnections)
    }

    /// Closes idle connections. No transfers are left: each retains its client.
    func shutdown() {
        precondition(transfers.isEmpty, "a client is shut down after its transfers")
        unsafe curl_multi_cleanup(handle)
        timer?.cancel()
        for watcher in watchers.values { watcher.close() }
        watchers = [:]
    }

    func add(_ transfer: Transfer) throws(HTTPClientError) {
        let status = unsafe curl_multi_add_handle(handle, transfer.handle)
        guard status == CURLM_OK else { throw HTTPClientError(.other, detail: "curl_multi_add_handle") }
        transfers[transfer.key] = transfer
    }

    /// Removes a transfer. An unfinished one loses its connection.
    func remove(_ transfer: Transfer, because error: any Error) {
        guard transfers.removeValue(forKey: transfer.key) != nil else { return }
        transfer.prepareEnd()
        unsafe curl_multi_remove_handle(handle, transfer.handle)
        transfer.end(error)
    }

    /// Resumes a paused transfer. libcurl may deliver buffered data before this returns.
    func resume(_ transfer: Transfer) {
        guard transfers[transfer.key] != nil else { return }
        let status = unsafe curl_easy_pause(transfer.handle, curl_pause_none)
        if status != CURLE_OK { remove(transfer, because: transfer.error(status)) }
        collect()
    }

    private func drive(_ socket: Int32, _ events: Int32) {
        var running: Int32 = 0
        unsafe curl_multi_socket_action(handle, socket, events, &running)
        collect()
    }

    /// Removes finished transfers.
    private func collect() {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(handle, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let easy = unsafe message.pointee.easy_handle,
                let transfer = transfers.removeValue(forKey: UInt(bitPattern: easy))
            else { continue }
            let result = unsafe curl_message_result(message)
            transfer.prepareEnd()
            let error = result == CURLE_OK ? nil : transfer.error(result)
            unsafe curl_multi_remove_handle(handle, easy)
            transfer.end(error)
        }
    }

    private func watch(_ socket: Int32, _ what: Int32) {
        if what == CURL_POLL_REMOVE {
            watchers.removeValue(forKey: socket)?.close()
            return
        }
        if watchers[socket] == nil {
            // If the loop refuses a descriptor, the transfer's timeouts end it.
            watchers[socket] = try? Watcher(descriptor: socket) { [weak self] events in
                var mask: Int32 = 0
                if events.contains(.readable) { mask |= CURL_CSELECT_IN }
                if events.contains(.writable) { mask |= CURL_CSELECT_OUT }
                if events.contains(.error) { mask |= CURL_CSELECT_ERR }
                self?.drive(socket, mask)
            }
        }
        var interest = Watcher.Interest()
        if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
        if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
        watchers[socket]?.update(interest)
    }

    private func setTimer(_ milliseconds: Int) {
        timer?.cancel()
        timer = nil
        guard milliseconds >= 0 else { return }
        timer = loop.schedule(at: .now + .milliseconds(milliseconds)) { [weak self] in
            guard let self else { return }
            timer = nil
            drive(curl_no_socket, 0)
        }
    }
}
