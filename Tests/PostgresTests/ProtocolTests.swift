import Testing

@testable import Postgres

struct ProtocolTests {
    private func frame(_ type: Character, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count + 4
        return [
            type.asciiValue ?? 0, UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255),
        ]
            + [UInt8(length & 255)] + payload
    }

    @Test func `an error is found behind other frames, at every split`() {
        let payload = Array("E error E".utf8)
        let quiet = frame("N", payload) + frame("S", payload) + frame("A", [])
        let bytes = quiet + frame("E", payload)
        for cut in 0...bytes.count {
            var frames = BackendFrames()
            let (head, tail) = (Array(bytes[..<cut]), Array(bytes[cut...]))
            let inHead = frames.findsError(in: head.span)
            #expect(inHead == (cut > quiet.count))
            #expect(inHead || frames.findsError(in: tail.span))
        }
        var frames = BackendFrames()
        let once = frames.findsError(in: quiet.span)
        let twice = frames.findsError(in: quiet.span)
        #expect(!once && !twice)
    }

    @Test(
        arguments: [
            ("FATAL:  28P01: password authentication failed for user \"x\"\nLOCATION:  auth_failed", "28P01"),
            (
                "connection to server at \"::1\" failed: FATAL:  3D000: database \"a:  b\" does not exist",
                "3D000"
            ),
            ("FATAL:  28000: no encryption\nFATAL:  53300: too many clients", "53300"),
            ("FATALE:  57P03: le système de bases de données se lance", "57P03"),
            ("could not connect: Connection refused", nil), ("FATAL:  28p01: x", nil), ("", nil),
        ] as [(String, String?)])
    func `the code of a refused connection is found in libpq's layout`(message: String, code: String?) {
        #expect(SQLState.inVerboseMessage(message)?.rawValue == code)
    }

    @Test func `errors are classified by code alone`() {
        func error(_ state: SQLState) -> PostgresError { PostgresError(.server, "", sqlState: state) }
        #expect(error("40001").isTransient)
        #expect(error("40P01").isTransient)
        #expect(error("55P03").isTransient)
        #expect(!error("23505").isTransient)
        #expect(error("23505").isUniqueViolation)
        #expect(error("57P01").isConnectionLoss)
        #expect(error("08006").isConnectionLoss)
        #expect(error("57P03").isConnectionLoss && error("25P03").isConnectionLoss)
        for state: SQLState in ["53100", "53200", "53300"] {
            #expect(error(state).isTransient && !error(state).isConnectionLoss)
        }
        #expect(!error("57014").isTransient && !error("42501").isTransient)
        #expect(!PostgresError(.connection, "", sqlState: .invalidPassword).isTransient)
        #expect(PostgresError(.connection, "").isTransient)
        #expect(PostgresError(.connection, "", sqlState: .readOnlyTransaction).isTransient)
        for state: SQLState in ["P0001", "P0002", "P0004", "25006", "42501"] {
            #expect(!error(state).isTransient && !error(state).isConnectionLoss, "\(state)")
        }
        for state: SQLState in ["28000", "28P01", "3D000", "42501"] {
            let refused = PostgresError(.connection, "", sqlState: state)
            #expect(refused.isLoginRefusal && !refused.isTransient, "\(state)")
        }
        for state: SQLState in ["57P01", "57P02", "57P03", "57P04", "08006", "08P01"] {
            #expect(error(state).isConnectionLoss && error(state).isTransient, "\(state)")
            #expect(!PostgresError(.connection, "", sqlState: state).isLoginRefusal)
        }
        #expect(!PostgresError(.commitInDoubt, "").isTransient)
    }

    @Test func `the safe description contains no values`() {
        var error = PostgresError(
            .server, "duplicate key value (ann@example.com)", sqlState: .uniqueViolation)
        error.detail = "Key (email)=(ann@example.com) already exists."
        error.constraint = "users_email_key"
        error.statement = "insert into users values ('ann@example.com')"
        #expect(error.description == "Postgres error: server, SQLSTATE 23505, constraint users_email_key")
        #expect(error.debugDescription.contains("ann@example.com"))
    }

    @Test(arguments: [
        (
            SQLState.undefinedTable, "relation \"x\" does not exist",
            "Postgres error: server, SQLSTATE 42P01, relation \"x\" does not exist"
        ),
        ("53100", "could not extend file", "Postgres error: server, SQLSTATE 53100, could not extend file"),
        ("22003", "value \"99\" is out of range", "Postgres error: server, SQLSTATE 22003, data exception"),
        ("P0001", "ann@example.com", "Postgres error: server, SQLSTATE P0001, raised by a function"),
        (
            "42601", "syntax error at or near \"ann\"",
            "Postgres error: server, SQLSTATE 42601, syntax error or access rule violation"
        ),
    ])
    func `a message without values is part of the description`(
        state: SQLState, message: String, description: String
    ) {
        #expect(PostgresError(.server, message, sqlState: state).description == description)
    }

    @Test func `libpq's message becomes one line, without hints and source positions`() {
        let error = PostgresError(
            .connection,
            """
            connection to server at "db" (192.0.2.1), port 5432 failed: FATAL:  28P01: password authentication failed
            LOCATION:  auth_failed, auth.c:338
            connection to server at "db" (192.0.2.1), port 5432 failed: Connection refused
            \tIs the server running on that host and accepting TCP/IP connections?

            """, sqlState: .invalidPassword)
        #expect(
            error.description
                == "Postgres error: connection, SQLSTATE 28P01, connection to server at \"db\" (192.0.2.1), "
                + "port 5432 failed: FATAL:  28P01: password authentication failed; connection to server at \"db\" "
                + "(192.0.2.1), port 5432 failed: Connection refused")
    }
}
