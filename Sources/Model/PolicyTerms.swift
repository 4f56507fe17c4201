/// Terms of a policy that depend on the time, on doubt, and on people.
extension Policy {
    /// A window that recurs: other bounds while it lasts.
    public struct ScheduleEntry: Sendable, Hashable {
        /// When it begins: five fields, in `timeZone`.
        public var cron: String
        /// A name of the IANA time zone database.
        public var timeZone: String
        /// How long it lasts, in elapsed time.
        public var duration: Duration
        /// nil: the policy's own.
        public var minReplicas: Int?
        /// nil: the policy's own.
        public var maxReplicas: Int?

        public init(cron: String, timeZone: String = "UTC", duration: Duration, minReplicas: Int? = nil, maxReplicas: Int? = nil) {
            self.cron = cron
            self.timeZone = timeZone
            self.duration = duration
            self.minReplicas = minReplicas
            self.maxReplicas = maxReplicas
        }
    }

    /// A change freeze that recurs: while it lasts only emergencies act.
    public struct Freeze: Sendable, Hashable {
        /// When it begins: five fields, in `timeZone`.
        public var cron: String
        /// A name of the IANA time zone database.
        public var timeZone: String
        /// How long it lasts, in elapsed time.
        public var duration: Duration
        /// For those who ask why nothing moves.
        public var reason: String

        public init(cron: String, timeZone: String = "UTC", duration: Duration, reason: String) {
            self.cron = cron
            self.timeZone = timeZone
            self.duration = duration
            self.reason = reason
        }
    }

    /// How fast a reading may fall and still be believed. What falls faster is doubted: it may raise, never lower.
    public struct Plausible: Sendable, Hashable {
        /// The largest fall within `per`, in percent of the value before.
        public var maxDrop: Quantity
        /// The time within which it may fall so far.
        public var per: Duration
        /// More than this share, in percent, of one source's readings falling at once is a failure of the source; nil: not looked at.
        public var fleetDrop: Quantity?

        public init(maxDrop: Quantity, per: Duration, fleetDrop: Quantity? = nil) {
            self.maxDrop = maxDrop
            self.per = per
            self.fleetDrop = fleetDrop
        }

        /// A doubted reading is believed once it has held for this many evaluations.
        public static var evaluationsToBelieve: Int { 3 }

        /// Of fewer readings, a share says nothing of their source.
        public static var fewestReadings: Int { 3 }
        /// Whether a reading lies so far below what is believed of it (by more than a quarter) that it counts as fallen when falls are compared: less is
        /// everyday noise.
        public static func isFall(from believed: Quantity, to value: Quantity) -> Bool {
            believed > .zero && Int128(value.milli) * 4 < Int128(believed.milli) * 3
        }
    }

    /// What is done, beside scaling, while a condition lasts.
    public struct Guard: Sendable, Hashable {
        /// What is done.
        public enum Effect: Sendable, Hashable {
            /// Somebody is told.
            case notify(Severity)
            /// The workload is restarted in place.
            case restart
        }
        /// How loudly somebody is told.
        public enum Severity: String, Sendable, Hashable, CaseIterable { case info, warning, critical }
        /// At most so often.
        public struct Limit: Sendable, Hashable {
            /// Times that it may take effect within `per`.
            public var count: Int
            /// The time that they count in.
            public var per: Duration
            public init(count: Int, per: Duration) {
                self.count = count
                self.per = per
            }
        }

        /// The condition, over metrics of the policy.
        public var when: Expression
        /// The condition must have held without a break for this long.
        public var sustained: Duration
        /// What is done.
        public var effect: Effect
        /// How often at most.
        public var atMost: Limit

        public init(when: Expression, sustained: Duration = .zero, effect: Effect, atMost: Limit = Guard.defaultLimit) {
            self.when = when
            self.sustained = sustained
            self.effect = effect
            self.atMost = atMost
        }
        /// Often enough to be heard, seldom enough not to be muted.
        public static var defaultLimit: Limit { Limit(count: 1, per: .seconds(600)) }
    }

    /// Changes that wait for a second person.
    public struct Approval: Sendable, Hashable {
        /// Changes by more than this many replicas.
        public var above: Int
        public init(above: Int) { self.above = above }
    }

    /// Whose arithmetic replica counts follow.
    public enum Arithmetic: String, Sendable, Hashable, CaseIterable {
        /// Integers: 10 % more than 100 is 110.
        case exact
        /// IEEE doubles as in the Kubernetes controller, where it is 111; without `behavior`, its older limits apply as well.
        case hpa
    }
}

extension Region {
    /// Who takes the load when the region is down.
    public struct Failover: Sendable, Hashable {
        /// Regions, each of which gets the whole share.
        public var to: [String]
        /// Of the lost region's last need; 1 is all of it.
        public var share: Quantity
        /// How long what others have for it takes to fade once it is back: its load does not return in one moment either.
        public var fade: Duration
        public init(to: [String], share: Quantity = Quantity(1), fade: Duration = Failover.defaultFade) {
            self.to = to
            self.share = share
            self.fade = fade
        }
        /// Where the manifest says nothing.
        public static var defaultFade: Duration { .seconds(600) }
    }
}
