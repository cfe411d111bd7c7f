/// The state of the simulator: a value that answers calls.
struct World: Sendable {
    var configuration: SimulatorConfiguration
    var orgs: [Org]
    var ledger: OAuthLedger
    var jobs: [OrgRecordID: QueryJob] = [:]
    /// Oldest first.
    var jobOrder: [OrgRecordID] = []
    var cursors: [OrgRecordID: Cursor] = [:]
    var cursorOrder: [OrgRecordID] = []
    var faults = Faults()
    /// CometD sessions by client id.
    var clients: [String: SimulatedClient] = [:]
    /// Client ids by the org's number.
    var clientsByOrg: [Int: Set<String>] = [:]
    /// Outbound messages that are not acknowledged.
    var outbound = OutboundQueue()
    var callouts = CalloutQueue()
    /// Bulk jobs that write.
    var ingestJobs: [OrgRecordID: SimulatedIngestJob] = [:]
    /// Oldest first.
    var ingestOrder: [OrgRecordID] = []
    /// Jobs with rows that are not written yet.
    var openIngests: [OrgRecordID] = []
    /// Calls that take time, by number.
    var running: [Int: RunningCall] = [:]
    var runningSerial = 0
    /// Ids that a trial of a call locks. Nil: it is no trial.
    var trialLocks: Set<OrgRecordID>?
    /// Numbers for client ids.
    var streamSerial = 1
    /// When the next late change becomes visible. Nil: there is none.
    var nextPending: Int?
    let cache: BulkResultCache
    /// Results to render before they are requested.
    var unrendered: [RenderedResult] = []
    /// True if a task renders ahead. Then jobs are complete only after their result is rendered.
    var rendersAhead = false

    init(_ configuration: SimulatorConfiguration) {
        self.configuration = configuration
        orgs = (1...max(configuration.orgs, 1)).map { Org(number: $0, configuration: configuration) }
        ledger = OAuthLedger(seed: configuration.seed)
        cache = BulkResultCache(maximumBytes: configuration.limits.renderedBytes)
    }

    /// Answers any call, and carries it out at once.
    mutating func answer(_ call: IncomingCall) -> Reply {
        switch begin(call) {
        case .answered(let reply): reply
        case .running(let number, let due): finish(number, now: max(due, call.now))
        }
    }

    /// Carries out a call.
    mutating func reply(to call: IncomingCall, _ effect: Faults.Effect?) -> Reply {
        var call = call
        call.rowFault = effect?.rowFault
        let segments = call.segments
        var reply: Reply
        if let error = effect?.error {
            // The OAuth endpoints answer with one object, all others with a list.
            reply =
                segments.dropFirst().first == "oauth2"
                ? OAuthError(error.code, error.message, status: error.status).reply : error.reply
        } else {
            reply = dispatch(call, segments)
        }
        reply.delayMilliseconds = effect?.delayMilliseconds ?? 0
        reply.dropAfterBytes = effect?.dropAfterBytes
        reply.truncatesAfterBytes = effect?.truncatesAfterBytes
        reply.isLost = effect?.losesResponse ?? false
        return reply
    }

    private mutating func dispatch(_ call: IncomingCall, _ segments: [String]) -> Reply {
        if segments.first == "id" { return identity(call, segments) }
        if segments.first == "cometd" { return stream(call, segments) }
        guard segments.count >= 2, segments[0] == "services" else { return APIError.notFound.reply }
        switch segments[1] {
        case "oauth2" where segments.count == 3: return oauth(call, segments[2])
        case "data" where segments.count == 2: return .json(APIVersions.document)
        case "data", "apexrest": return authorized(call, segments)
        default: return APIError.notFound.reply
        }
    }

    /// Checks the token, counts the call, and answers it. Documented: every answer has the usage.
    private mutating func authorized(_ call: IncomingCall, _ segments: [String]) -> Reply {
        guard let session = session(call) else { return APIError.invalidSession.reply }
        let place = session.org - 1
        orgs[place].requests += 1
        let usage = "api-usage=\(orgs[place].requests)/\(configuration.dailyRequests)"
        var reply: Reply
        do throws(APIError) {
            guard session.user.rights.contains(.apiEnabled) else { throw .apiDisabled }
            guard !orgs[place].isOverLimit, orgs[place].requests <= configuration.dailyRequests else {
                throw .overLimit
            }
            reply =
                segments[1] == "apexrest"
                ? try apexREST(call, Array(segments.dropFirst(2)), session)
                : try data(call, Array(segments.dropFirst(2)), session)
        } catch {
            reply = error.reply
        }
        return reply.adding("Sforce-Limit-Info", usage)
    }

    /// The token of an `Authorization` header: `Bearer` or `OAuth`. Documented.
    func bearerToken(_ call: IncomingCall) -> String? {
        guard let header = call.headers["authorization"] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, ["bearer", "oauth"].contains(parts[0].lowercased()) else { return nil }
        return String(parts[1])
    }

    /// The session of the call's token.
    func session(_ call: IncomingCall) -> Session? {
        bearerToken(call).flatMap { session(token: $0, now: call.now) }
    }

    func session(token: String, now: Int) -> Session? {
        guard let subject = ledger.subject(token, now: now, seconds: configuration.accessTokenSeconds) else {
            return nil
        }
        return orgs[subject.org - 1].users.first { $0.id == subject.user }.map {
            Session(org: subject.org, user: $0)
        }
    }

    /// The beginning of the simulator's URLs.
    func origin(_ call: IncomingCall) -> String { configuration.origin ?? "http://\(call.host)" }

    /// Counts a call of this kind, for tests.
    mutating func count(_ kind: CallKind, org: Int) { orgs[org - 1].calls[kind, default: 0] += 1 }

    /// A new id for a job or a cursor.
    mutating func newID(_ keyPrefix: String, org: Int) -> OrgRecordID {
        orgs[org - 1].serial += 1
        return IDSpace(keyPrefix: keyPrefix, org: org).id(orgs[org - 1].serial)
    }
}
