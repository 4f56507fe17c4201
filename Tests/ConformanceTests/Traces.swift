extension Trace {
    static func connected(_ names: String...) -> [Step] { names.map { Step($0, .connect, nil, "lock free, epoch 0 settled") } }
    static let first = "epoch 1 after nobody, lease 0"

    static func all(_ need: Need) -> [Trace] { Self.all.filter { $0.need == need } }
    static let all = Self.plain + [Self.crash] + Self.clocks + Self.disks + Self.poolers + Self.failovers + Self.cuts

    private static let plain = [
        Trace(
            "the first leader beats, settles, decides and resigns",
            connected("a") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("a", .beat(1), "current", "lock a, epoch 1 a"),
                Step("a", .settle(1), "settled", "lock a, epoch 1 a settled"), Step("a", .decide(1), "committed", "lock a, epoch 1 a settled, decided 1"),
                Step("a", .beat(2), "not current", "lock a, epoch 1 a settled, decided 1"),
                Step("a", .settle(2), "not settled", "lock a, epoch 1 a settled, decided 1"),
                Step("a", .decide(2), "fenced", "lock a, epoch 1 a settled, decided 1"),
                Step("a", .resign(1), "released", "lock free, epoch 1 a resigned settled, decided 1"),
            ]),
        Trace(
            "waiters get the lock in the order in which they came",
            connected("a", "b", "c", "d") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("c", .campaign(), nil, "lock a, waiting b c, epoch 1 a"), Step("d", .campaign(), nil, "lock a, waiting b c d, epoch 1 a"),
                Step("a", .resign(1), "released", "lock b, waiting c d, epoch 2 b"),
                Step("b", .wait(0.1), "epoch 2 after 1 a resigned, lease 700", "lock b, waiting c d, epoch 2 b"),
                Step("b", .terminate, "closed", "lock c, waiting d, epoch 3 c"),
                Step("c", .wait(0.1), "epoch 3 after 2 b, lease 700", "lock c, waiting d, epoch 3 c"),
                Step("c", .vanish, nil, "lock d, epoch 4 d"), Step("d", .wait(0.1), "epoch 4 after 3 c, lease 700", "lock d, epoch 4 d"),
            ]),
        Trace(
            "a wait ends with its slice, and the next one is behind those who waited",
            connected("a", "b", "c") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(slice: 2), nil, "lock a, waiting b, epoch 1 a"),
                Step("c", .campaign(), nil, "lock a, waiting b c, epoch 1 a"), Step("b", .wait(2), "slice over", "lock a, waiting c, epoch 1 a"),
                Step("b", .campaign(), nil, "lock a, waiting c b, epoch 1 a"), Step("a", .terminate, "closed", "lock c, waiting b, epoch 2 c"),
            ]),
        Trace(
            "a wait that is cancelled leaves the queue, and the session lives",
            connected("a", "b") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("b", .withdraw, "slice over", "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .resign(1), "released", "lock b, epoch 2 b"),
            ]),
        Trace(
            "a waiter whose client has gone is noticed while it waits",
            connected("a", "b", "c") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("c", .campaign(), nil, "lock a, waiting b c, epoch 1 a"), Step("b", .vanish, nil, "lock a, waiting c, epoch 1 a"),
                Step("a", .terminate, "closed", "lock c, epoch 2 c"),
            ]),
        Trace(
            "a silent holder is ended by the server's idle timeout",
            connected("a", "b") + [
                Step("a", .campaign(idle: 2), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, nil),
                Step("b", .wait(3), "epoch 2 after 1 a, lease 700", "lock b, epoch 2 b"), Step("a", .wait(0.1), "closed", "lock b, epoch 2 b"),
            ]),
        Trace(
            "a peer ends the session that it saw silent, and no other",
            connected("a", "b") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .look, nil, "lock a, waiting b, epoch 1 a"), Step("a", .beat(1), "current", "lock a, waiting b, epoch 1 a"),
                Step("a", .evict, "current", "lock a, waiting b, epoch 1 a"), Step("a", .look, nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .evict, "closed", "lock b, epoch 2 b"),
            ]),
        Trace(
            "the session of an earlier term is fenced, whatever it says",
            connected("a", "b") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .resign(1), "released", "lock b, epoch 2 b"), Step("a", .beat(1), "not current", "lock b, epoch 2 b"),
                Step("a", .decide(1), "fenced", "lock b, epoch 2 b"), Step("a", .decide(2), "fenced", "lock b, epoch 2 b"),
                Step("a", .settle(1), "not settled", "lock b, epoch 2 b"), Step("b", .decide(2), "committed", "lock b, epoch 2 b, decided 1"),
                Step("a", .resign(1), "not released", "lock b, epoch 2 b, decided 1"),
            ]),
        Trace(
            "who has resigned decides nothing any more",
            connected("a") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("a", .resign(1), "released", "lock free, epoch 1 a resigned"),
                Step("a", .decide(1), "fenced", "lock free, epoch 1 a resigned"),
            ]),
        Trace(
            "a new session of the same node is another one",
            connected("a") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("a", .terminate, "closed", "lock free, epoch 1 a"),
                Step("a", .connect, nil, "lock free, epoch 1 a"), Step("a", .beat(1), "not current", "lock free, epoch 1 a"),
                Step("a", .decide(1), "fenced", "lock free, epoch 1 a"), Step("a", .campaign(), "epoch 2 after 1 a, lease 700", "lock a, epoch 2 a"),
            ]),
        Trace(
            "an epoch is above the highest that the node knows",
            connected("a", "b") + [
                Step("a", .campaign(known: 41), "epoch 42 after nobody, lease 0", "lock a, epoch 42 a"),
                Step("a", .resign(42), "released", "lock free, epoch 42 a resigned"),
                Step("b", .campaign(known: 7), "epoch 43 after 42 a resigned, lease 700", "lock b, epoch 43 b"),
            ]),
        Trace(
            "a decision whose answer is lost is there once",
            connected("a", "b") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .decideLosingAnswer(1), "closed", "lock b, epoch 2 b, decided 1"),
                Step("b", .decide(2), "committed", "lock b, epoch 2 b, decided 2"),
            ]),
        Trace(
            "an election whose answer is lost is a term",
            connected("a", "b") + [
                Step("a", .campaignLosingAnswer, "closed", "lock free, epoch 1 a"),
                Step("b", .campaign(), "epoch 2 after 1 a, lease 700", "lock b, epoch 2 b"),
            ]),
    ]

    private static let crash = Trace(
        "a crash ends every session and keeps what was committed", needs: .server,
        connected("a", "b") + [
            Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("a", .settle(1), "settled", "lock a, epoch 1 a settled"),
            Step("a", .decide(1), "committed", "lock a, epoch 1 a settled, decided 1"),
            Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a settled, decided 1"),
            Step("a", .crash, "closed", "lock free, epoch 1 a settled, decided 1"), Step("b", .wait(0.1), "closed", "lock free, epoch 1 a settled, decided 1"),
            Step("b", .connect, nil, "lock free, epoch 1 a settled, decided 1"),
            Step("b", .campaign(), "epoch 2 after 1 a settled, lease 700", "lock b, epoch 2 b, decided 1"),
            Step("b", .decide(1), "fenced", "lock b, epoch 2 b, decided 1"), Step("b", .decide(2), "committed", "lock b, epoch 2 b, decided 2"),
        ])
}
