import ArgumentParser

// The sample workload
// ===================
// Something real to scale: a table of jobs in Postgres, a feeder that adds jobs at a rate that rises and falls, and worker processes that
// take jobs one at a time. `replicas` and `scale` are what Muster's exec driver runs: they observe and change the number of workers.
//
//   job       pending ── claimed by a worker ──▶ running ── job time over ──▶ done ── after 10 minutes ──▶ deleted
//             running without an end for 30 s (its worker was killed) ──▶ pending again
//   worker    one process, one directory entry `workers/NAME.pid` that it writes itself; SIGTERM: it finishes its job and exits
//
// Invariants: a job is done by one worker at a time (SKIP LOCKED). A worker counts only while its process lives: a pid file of a dead process, or
// of a process that got the same pid later, is not a replica. One change of the number of workers at a time, and no observation in the middle of one
// (a lock on the directory). A change with an epoch lower than one seen before, or decided on another count than the present one, is refused:
// the target has its own fence. An idempotency key takes effect once.
//
// Not here: when to scale. Nothing in this program decides that.

@main
struct Sample: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "muster-sample",
        abstract: "A workload to scale: jobs in a table, workers that do them, a load that rises and falls.",
        discussion: """
            Example:
              muster-sample schema --database 'host=127.0.0.1 dbname=sample user=sample' --password-file secrets/sample
              muster-sample scale --directory work/eu-west --to 3 --region eu-west --database … --password-file secrets/sample
              muster-sample replicas --directory work/eu-west
            """,
        subcommands: [SchemaCommand.self, WorkerCommand.self, FeederCommand.self, ReplicasCommand.self, ScaleCommand.self])
}
