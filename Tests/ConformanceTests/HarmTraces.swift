/// Traces of what harms a server or the way to it.
extension Trace {
    static let clocks = [
        Trace(
            "the server’s clock goes back: its idle timeout comes as much later, and a peer ends the silent holder", needs: .shim,
            connected("a", "b") + [
                Step("a", .campaign(idle: 2), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .moveClock(-3600), first, "lock a, waiting b, epoch 1 a"), Step("b", .pass(4), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .look, nil, "lock a, waiting b, epoch 1 a"), Step("a", .evict, "closed", "lock b, epoch 2 b"),
            ]),
        Trace(
            "the server’s clock goes back: the slices of those who wait come as much later, too", needs: .shim,
            connected("a", "b") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(slice: 2), nil, "lock a, waiting b, epoch 1 a"),
                Step("b", .moveClock(-3600), nil, "lock a, waiting b, epoch 1 a"), Step("b", .pass(4), nil, "lock a, waiting b, epoch 1 a"),
                Step("b", .withdraw, "slice over", "lock a, epoch 1 a"), Step("b", .campaign(slice: 1), nil, nil),
                Step("b", .wait(2), "slice over", "lock a, epoch 1 a"),
            ]),
        Trace(
            "the server’s clock goes forward: slices end early, a holder that speaks stays, and one that falls silent is ended in time", needs: .shim,
            connected("a", "b") + [
                // An alarm that a statement armed and no longer needs is left to run out: one that is under way when the clock jumps shows the server
                // every other timeout of the session as over, and ends a session that nothing is wrong with.
                Step("a", .campaign(idle: 10), first, "lock a, epoch 1 a"), Step("a", .pass(3), nil, "lock a, epoch 1 a"),
                Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"), Step("b", .moveClock(3600), nil, nil),
                Step("b", .wait(1), "slice over", "lock a, epoch 1 a"),
                Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"), Step("a", .beat(1), "current", "lock a, waiting b, epoch 1 a"),
                Step("a", .wait(11), "closed", "lock b, epoch 2 b"),
            ]),
    ]

    static let disks = [
        Trace(
            "a commit that waits for the disk keeps its session and the lock, also when that session is told to end", needs: .shim,
            connected("a", "b") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .stall, first, nil), Step("a", .decide(1), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .terminate, nil, nil), Step("a", .pass(1), nil, "lock a, waiting b, epoch 1 a"),
                Step("a", .flow, "closed", "lock b, epoch 2 b, decided 1"),
                Step("b", .wait(0.1), "epoch 2 after 1 a, lease 700", "lock b, epoch 2 b, decided 1"),
            ]),
        Trace(
            "an election that waits for the disk is answered when it is there", needs: .shim,
            connected("a") + [
                Step("a", .stall, nil, nil), Step("a", .campaign(), nil, "lock a, epoch 0 settled"), Step("a", .pass(1), nil, "lock a, epoch 0 settled"),
                Step("a", .flow, first, "lock a, epoch 1 a"),
            ]),
        Trace(
            "on a full disk nothing is decided or elected; beats are answered, and with room things go on", needs: .disk,
            connected("a", "b") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("a", .decide(1), "committed", "lock a, epoch 1 a, decided 1"),
                Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a, decided 1"), Step("a", .fillDisk, "committed", nil),
                Step("a", .decide(1), "no room", "lock a, waiting b, epoch 1 a, decided 1"),
                Step("a", .settle(1), "not settled", "lock a, waiting b, epoch 1 a, decided 1"),
                Step("a", .beat(1), "current", "lock a, waiting b, epoch 1 a, decided 1"),
                Step("a", .freeDisk, "current", nil), Step("a", .settle(1), "settled", "lock a, waiting b, epoch 1 a settled, decided 1"),
                Step("a", .decide(1), "committed", "lock a, waiting b, epoch 1 a settled, decided 2"), Step("a", .fillDisk, "committed", nil),
                // Given up, and nobody can write it down: the next one can’t be elected either, and waits a whole lease once it is.
                Step("a", .resign(1), "released", "lock free, epoch 1 a settled, decided 2"),
                Step("b", .wait(0.1), "closed", "lock free, epoch 1 a settled, decided 2"), Step("b", .freeDisk, "closed", nil),
                Step("b", .connect, nil, "lock free, epoch 1 a settled, decided 2"),
                Step("b", .campaign(), "epoch 2 after 1 a settled, lease 700", "lock b, epoch 2 b, decided 2"),
            ]),
    ]

    static let poolers = [
        Trace(
            "a session through a pooler is refused, whatever else is right", needs: .pooler,
            [
                Step("a", .connect, nil, "lock free, epoch 0 settled"), Step("a", .check, "passed", "lock free, epoch 0 settled"),
                Step("b", .connectThroughPooler, nil, "lock free, epoch 0 settled"), Step("b", .check, "refused: a pooler", "lock free, epoch 0 settled"),
                Step("a", .campaign(), first, "lock a, epoch 1 a"),
            ])
    ]

    static let failovers = [
        Trace(
            "a failover without the newest commits: they are gone, and the next epoch is above what nodes know", needs: .standby,
            connected("a", "b") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("a", .settle(1), "settled", "lock a, epoch 1 a settled"),
                Step("a", .decide(1), "committed", "lock a, epoch 1 a settled, decided 1"), Step("a", .loseStandby, "committed", nil),
                Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a settled, decided 1"),
                Step("a", .decide(1), "committed", "lock a, waiting b, epoch 1 a settled, decided 2"),
                Step("a", .terminate, "closed", "lock b, epoch 2 b, decided 2"), Step("b", .decide(2), "committed", "lock b, epoch 2 b, decided 3"),
                Step("b", .failOver(oldLives: false), "closed", "lock free, epoch 1 a settled, decided 1"),
                Step("a", .connect, nil, "lock free, epoch 1 a settled, decided 1"),
                Step("a", .campaign(known: 2), "epoch 3 of timeline 2 after 1 a settled, lease 700", "lock a, epoch 3 a, decided 1"),
                Step("a", .decide(3), "committed", "lock a, epoch 3 a, decided 2"),
                // A stretched leader’s row may have been lost: what it could hold outlives a leader whose gate never opened.
                Step("a", .terminate, "closed", "lock free, epoch 3 a, decided 2"), Step("a", .connect, nil, "lock free, epoch 3 a, decided 2"),
                Step("a", .campaign(known: 3), "epoch 4 of timeline 2 after 3 a, lease 5600", "lock a, epoch 4 a, decided 2"),
                Step("a", .settle(4), "settled", "lock a, epoch 4 a settled, decided 2"),
                Step("a", .terminate, "closed", "lock free, epoch 4 a settled, decided 2"),
                Step("a", .connect, nil, "lock free, epoch 4 a settled, decided 2"),
                Step("a", .campaign(known: 4), "epoch 5 of timeline 2 after 4 a settled, lease 700", "lock a, epoch 5 a, decided 2"),
            ]),
        Trace(
            "a failover whose old primary lives: both have a leader, whose tokens differ by the timeline", needs: .standby,
            connected("a") + [
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("a", .decide(1), "committed", "lock a, epoch 1 a, decided 1"),
                Step("a", .loseStandby, "committed", nil), Step("a", .settle(1), "settled", "lock a, epoch 1 a settled, decided 1"),
                Step("a", .failOver(oldLives: true), "settled", "lock free, epoch 1 a, decided 1"),
                Step("a", .decide(1), "committed", "lock free, epoch 1 a, decided 1"), Step("a", .beat(1), "current", "lock free, epoch 1 a, decided 1"),
                Step("b", .connect, nil, "lock free, epoch 1 a, decided 1"),
                Step("b", .campaign(), "epoch 2 of timeline 2 after 1 a, lease 700", "lock b, epoch 2 b, decided 1"),
                Step("a", .beat(1), "current", "lock b, epoch 2 b, decided 1"), Step("a", .decide(1), "committed", "lock b, epoch 2 b, decided 1"),
                Step("b", .decide(2), "committed", "lock b, epoch 2 b, decided 2"),
                Step("a", .retireOld, "closed", "lock b, epoch 2 b, decided 2"),
            ]),
    ]

    /// a and b as the server’s line has them; what is not far is beside the server.
    static let cuts = [
        Trace(
            "a holder whose line is cut is ended by the server, also while its idle timeout is far", needs: .host,
            [
                Step("a", .connectFar, nil, "lock free, epoch 0 settled"), Step("b", .connect, nil, "lock free, epoch 0 settled"),
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"), Step("a", .cut, nil, nil),
                Step("a", .wait(5), "closed", "lock b, epoch 2 b"), Step("b", .wait(0.1), "epoch 2 after 1 a, lease 700", "lock b, epoch 2 b"),
            ]),
        Trace(
            "a holder that speaks into a cut line learns of it, and so does the server", needs: .host,
            [
                Step("a", .connectFar, nil, "lock free, epoch 0 settled"), Step("b", .connect, nil, "lock free, epoch 0 settled"),
                Step("a", .campaign(), first, "lock a, epoch 1 a"), Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"), Step("a", .cut, nil, nil),
                Step("a", .decide(1), nil, nil), Step("a", .wait(5), "closed", "lock b, epoch 2 b"),
            ]),
        Trace(
            "a waiter whose line was cut gets the lock when it is its turn, and the server takes it back", needs: .host,
            [
                Step("a", .connect, nil, "lock free, epoch 0 settled"), Step("b", .connectFar, nil, "lock free, epoch 0 settled"),
                Step("c", .connect, nil, "lock free, epoch 0 settled"), Step("a", .campaign(), first, "lock a, epoch 1 a"),
                Step("b", .campaign(), nil, "lock a, waiting b, epoch 1 a"), Step("c", .campaign(), nil, "lock a, waiting b c, epoch 1 a"),
                Step("b", .cut, nil, nil), Step("a", .resign(1), "released", "lock b, waiting c, epoch 2 b"),
                Step("b", .wait(5), "closed", "lock c, epoch 3 c"), Step("c", .wait(0.1), "epoch 3 after 2 b, lease 700", "lock c, epoch 3 c"),
            ]),
    ]
}
