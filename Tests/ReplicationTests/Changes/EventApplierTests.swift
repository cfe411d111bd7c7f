import Encoding
import Foundation
import Postgres
import Reactor
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

    @Test func `a row that a user's deferred constraint refuses does not stop the stream`() async throws {
        try await withChanges { scene in
            let schema = SQL.quote(identifier: scene.fixture.schema)
            try await scene.pool.withConnection {
                try await $0.script(
                    """
                    alter table \(schema).account add unique (name) deferrable initially deferred;
                    insert into \(schema).account (name) values ('taken');
                    delete from \(schema)._trigger_log
                    """)
            }
            try await scene.apply([
                scene.event(.create, 1, ["Name": .value(.string("taken"))], at: 1),
                scene.event(.create, 2, ["Name": .value(.string("good"))], at: 1),
                scene.event(
                    .create, 3, ["LastName": .value(.string("Lee"))], of: "Contact", at: 1, replay: 8),
            ])
            let names = try await scene.pool.query(
                "select name from \(identifier: scene.fixture.schema, "account") where sfid is not null"
            ).column(as: String.self)
            #expect(names == ["good"])
            #expect(try await scene.names("contact", "lastname").count == 1)
            #expect(try await scene.rereads() == [ChangeScene.sfid(1): "refused"])
            // The read of the refused record is refused too, and stays for later.
            let table = scene.account
            scene.org.serve { _ in
                [
                    ScriptedOrg.row(
                        table, ChangeScene.sfid(1), stamp: ChangeScene.at(5), ["Name": .string("taken")]),
                    ScriptedOrg.row(
                        table, ChangeScene.sfid(4), stamp: ChangeScene.at(5), ["Name": .string("four")]),
                ]
            }
            try await scene.pool.withConnection {
                try await RereadStore().add(
                    [ChangeScene.sfid(4)], of: scene.account.mapping, because: .gap, on: $0)
            }
            try await scene.pool.execute("update multiconnect_sync.rereads set due_at = now()")
            _ = try await scene.rereadRun.run(scene.tables)
            let later = try await scene.pool.query(
                "select name from \(identifier: scene.fixture.schema, "account") where sfid is not null"
            ).column(as: String.self)
            #expect(Set(later) == ["good", "four"])
            #expect(try await scene.rereads() == [ChangeScene.sfid(1): "refused"])
        }
    }

    @Test func `a child whose parent comes later in the transaction satisfies a deferred foreign key`()
        async throws
    {
        try await withChanges { scene in
            let schema = SQL.quote(identifier: scene.fixture.schema)
            try await scene.pool.withConnection {
                try await $0.script(
                    """
                    alter table \(schema).account add unique (sfid);
                    alter table \(schema).contact add foreign key (accountid)
                      references \(schema).account (sfid) deferrable initially deferred
                    """)
            }
            let parent = ChangeScene.sfid(1)
            try await scene.apply([
                scene.event(.create, 7, ["AccountId": .value(.string(parent))], of: "Contact", at: 1),
                scene.event(.create, 1, ["Name": .value(.string("p"))], at: 1, replay: 2),
            ])
            #expect(try await scene.names("contact", "accountid") == [ChangeScene.sfid(7, "003"): parent])
            #expect(try await scene.rereads().isEmpty)
        }
    }

    @Test func `events and re-reads of the same records do not wait for each other in a circle`()
        async throws
    {
        try await withChanges { scene in
            let (account, contact) = (scene.account, scene.contact)
            let numbers = 1...20
            scene.org.serve { call in
                let isAccount = call.text.contains("FROM Account")
                return numbers.map { number in
                    isAccount
                        ? ScriptedOrg.row(account, ChangeScene.sfid(number), stamp: ChangeScene.at(2))
                        : ScriptedOrg.row(
                            contact, ChangeScene.sfid(number, "003"), stamp: ChangeScene.at(2),
                            ["AccountId": .string(ChangeScene.sfid(number))])
                }
            }
            let begin = ContinuousClock.now
            let rounds = 25
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for round in 1...rounds {
                        let at = Double(round * 10)
                        try await scene.apply(
                            numbers.flatMap { number in
                                [
                                    scene.event(
                                        .update, number, ["LastName": .value(.string("\(round)"))],
                                        of: "Contact", at: at),
                                    // A deletion requests reads of the children.
                                    scene.event(
                                        round.isMultiple(of: 2) ? .delete : .undelete, number,
                                        ["Name": .value(.string("\(round)"))], at: at),
                                ]
                            })
                    }
                }
                group.addTask {
                    for _ in 1...rounds {
                        try await scene.pool.withConnection { connection in
                            for (mapping, prefix) in [(account.mapping, "001"), (contact.mapping, "003")] {
                                try await RereadStore().add(
                                    numbers.reversed().map { ChangeScene.sfid($0, prefix) }, of: mapping,
                                    because: .gap, on: connection)
                            }
                        }
                        try await scene.pool.execute("update multiconnect_sync.rereads set due_at = now()")
                        _ = try await scene.rereadRun.run(scene.tables)
                    }
                }
                try await group.waitForAll()
            }
            // A circle would last until a lock time-out, and rows would be left as locked.
            #expect(ContinuousClock.now - begin < ReplicationLimits.mergeWait)
            #expect(try await !scene.rereads().values.contains("locked"))
            try await EventLoop.current.sleep(for: .milliseconds(1_100))
            let deadlocks: Int = try await scene.pool.query(
                "select deadlocks from pg_stat_database where datname = current_database()"
            ).scalar()
            #expect(deadlocks == 0)
        }
    }
}
