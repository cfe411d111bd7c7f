import Encoding
import Foundation
import Postgres
import Salesforce
import Support
import Testing

@testable import Replication

/// Events are written to real tables, with their replay id in the same transaction.
@Suite(.tags(.store))
struct EventApplierTests {
    @Test func `creates, updates, deletes and undeletes arrive, and the replay id commits with them`()
        async throws
    {
        try await withChanges { scene in
            try await scene.apply([
                scene.event(.create, 1, ["Name": .value(.string("Acme"))], at: 1, replay: 11),
                scene.event(.create, 2, ["Name": .value(.string("Bolt"))], at: 2, replay: 12),
                scene.event(.update, 1, ["Name": .value(.string("Acme Inc"))], at: 3, replay: 15),
                scene.event(.delete, 2, at: 4, replay: 16),
            ])
            #expect(try await scene.names() == [ChangeScene.sfid(1): "Acme Inc"])
            try await scene.apply([
                scene.event(.undelete, 2, ["Name": .value(.string("Bolt"))], at: 5, replay: 20)
            ])
            #expect(try await scene.names().count == 2)
            let positions = try await scene.pool.withConnection {
                try await ChangeStore().streamPositions(of: scene.organization, on: $0)
            }
            #expect(positions == ["/data/ChangeEvents": 20])
        }
    }

    @Test func `events that arrive twice or late change nothing`() async throws {
        try await withChanges { scene in
            let events = [
                scene.event(.create, 1, ["Name": .value(.string("one"))], at: 1),
                scene.event(.update, 1, ["Name": .value(.string("two"))], at: 2),
                scene.event(.delete, 2, at: 3),
            ]
            try await scene.apply(events)
            try await scene.apply(Array(events.prefix(1)))
            try await scene.apply([scene.event(.update, 2, ["Name": .value(.string("gone"))], at: 2)])
            #expect(try await scene.names() == [ChangeScene.sfid(1): "two"])
        }
    }

    @Test func `a worker that lost its lease applies nothing`() async throws {
        try await withChanges { scene in
            try await scene.pool.execute("update multiconnect_sync.leases set epoch = 4")
            let error = await #expect(throws: ReplicationError.self) {
                try await scene.apply([scene.event(.create, 1, ["Name": .value(.string("x"))])])
            }
            #expect(error?.code == .leaseLost)
            #expect(try await scene.names().isEmpty)
            let count: Int = try await scene.pool.query(
                "select count(*) from multiconnect_sync.stream_positions"
            )
            .scalar()
            #expect(count == 0)
        }
    }

    @Test func `a row that a user's constraint refuses does not stop the stream`() async throws {
        try await withChanges { scene in
            try await scene.pool.execute(
                "alter table \(identifier: scene.fixture.schema, "account") add check (name <> 'bad')")
            try await scene.apply([
                scene.event(.create, 1, ["Name": .value(.string("bad"))], at: 1),
                scene.event(.create, 2, ["Name": .value(.string("good"))], at: 1),
                scene.event(.create, 3, ["LastName": .value(.string("Lee"))], of: "Contact", at: 1),
            ])
            #expect(try await scene.names() == [ChangeScene.sfid(2): "good"])
            #expect(try await scene.names("contact", "lastname") == [ChangeScene.sfid(3, "003"): "Lee"])
            #expect(try await scene.rereads() == [ChangeScene.sfid(1): "refused"])
        }
    }

    @Test func `a user's trigger that exceeds the statement time-out does not stop the others`() async throws
    {
        try await withChanges { scene in
            let schema = SQL.quote(identifier: scene.fixture.schema)
            try await scene.pool.withConnection {
                try await $0.script(
                    """
                    create function \(schema).slow() returns trigger language plpgsql as
                      'begin raise query_canceled; end';
                    create trigger slow before insert on \(schema).account
                      for each row execute function \(schema).slow()
                    """)
            }
            try await scene.apply([
                scene.event(.create, 1, ["Name": .value(.string("x"))], at: 1),
                scene.event(
                    .create, 3, ["LastName": .value(.string("Lee"))], of: "Contact", at: 1, replay: 8),
            ])
            #expect(try await scene.names("contact", "lastname").count == 1)
            #expect(try await scene.rereads() == [ChangeScene.sfid(1): "refused"])
        }
    }

    @Test func `a table that was dropped does not stop the others`() async throws {
        try await withChanges { scene in
            try await scene.pool.execute("drop table \(identifier: scene.fixture.schema, "account")")
            try await scene.apply([
                scene.event(.create, 1, ["Name": .value(.string("x"))], at: 1),
                scene.event(
                    .create, 3, ["LastName": .value(.string("Lee"))], of: "Contact", at: 1, replay: 8),
            ])
            #expect(try await scene.names("contact", "lastname").count == 1)
            #expect(try await scene.rereads() == [ChangeScene.sfid(1): "refused"])
        }
    }

    @Test func `gap events, missing rows and children of a deleted record are read again`() async throws {
        try await withChanges { scene in
            let parent = ChangeScene.sfid(1)
            try await scene.apply([
                scene.event(.create, 1, ["Name": .value(.string("p"))], at: 1),
                scene.event(.create, 7, ["AccountId": .value(.string(parent))], of: "Contact", at: 1),
                scene.event(.create, 8, ["LastName": .value(.string("other"))], of: "Contact", at: 1),
            ])
            try await scene.pool.execute("analyze \(identifier: scene.fixture.schema, "contact")")
            try await scene.apply([
                scene.event(.gapUpdate, 4, at: 2),
                scene.event(.update, 5, ["Name": .value(.string("x"))], at: 2),
                scene.event(.delete, 1, at: 3),
            ])
            #expect(
                try await scene.rereads() == [
                    ChangeScene.sfid(4): "gap", ChangeScene.sfid(5): "missing_row",
                    ChangeScene.sfid(7, "003"): "related_record",
                ])
        }
    }

    @Test func `an overflow asks for a reload of its object`() async throws {
        try await withChanges { scene in
            try await scene.apply([scene.event(.gapOverflow, 0)])
            let positions = try await scene.pool.withConnection {
                try await ChangeStore().positions(of: scene.organization, on: $0)
            }
            #expect(positions[scene.account.mapping.id]?.reloadReason == "gap_overflow")
            #expect(positions[scene.contact.mapping.id]?.reloadReason == nil)
        }
    }
}
