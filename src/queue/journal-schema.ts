/**
 * Checks what the journal holds before it is trusted: the data of every event, and the jobs of a snapshot, as records of versions 1
 * to 3 carry them (RECORD_VERSION in journal/records.ts); later ones only have more (recordVersionOf in core/events.ts). Keys unknown
 * to this version are kept. Whoever changes the meaning of a key raises that version and converts older data here.
 *
 * Written by hand: a start reads a million records, and these checks copy nothing.
 */
import type { Admitted, EventName, JobEvent } from '../core/events.ts';
import {
  type ArchivedCopy,
  type Candidate,
  type CloudRefs,
  type Decision,
  type Delivery,
  ENGINE_NAMES,
  type EngineName,
  type Expectation,
  type HistoryEntry,
  type Job,
  type JobState,
  type Pin,
  type Place,
  type PublishIntent,
  type Reason,
  type Sidecar,
  STATE_NAMES,
} from '../core/job.ts';
import type { Action } from '../core/errors.ts';
import type { Holding } from '../core/inventory.ts';
import type { LeaseEnd, LeaseRef, Leases } from '../core/lease.ts';
import type { Message } from '../core/message.ts';
import type { NamedStep } from '../core/steps.ts';
import type { Resolution, Target } from '../core/target.ts';
import type { Trim } from '../core/trim.ts';

/** What is wrong with a value, to be appended to its name (` is missing`, `.text is not a string`); `undefined` if it fits. */
type Check = (value: unknown) => string | undefined;
/** One check for every key of `T`; a new key does not compile without one. */
type Fields<T> = { readonly [K in keyof T]-?: Check };

function is(type: 'string' | 'boolean'): Check {
  const wrong = ` is not a ${type}`;
  // biome-ignore lint/suspicious/useValidTypeof: one of two literals
  return value => (typeof value === type ? undefined : value === undefined ? ' is missing' : wrong);
}

const STRING = is('string');
/** JSON has only finite numbers: any other would be written as null, and read back as damage. */
const NUMBER: Check = value =>
  Number.isFinite(value) ? undefined : value === undefined ? ' is missing' : ' is not a number';
const BOOLEAN = is('boolean');

/** Any JSON value, but it must be there. */
const JSON_VALUE: Check = value => (value === undefined ? ' is missing' : undefined);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const OBJECT: Check = value => (isObject(value) ? undefined : ' is not an object');

/** Absent, null, NaN (which JSON turns into null), or as `check` says. */
function optional(check: Check): Check {
  return value => (value === undefined || value === null || Number.isNaN(value) ? undefined : check(value));
}

function oneOf<T extends string>(...allowed: T[]): Check {
  const known: ReadonlySet<unknown> = new Set(allowed);
  return value => (known.has(value) ? undefined : ` is not one of ${allowed.join(', ')}`);
}

function list(item: Check): Check {
  return value => {
    if (!Array.isArray(value)) return ' is not a list';
    for (let at = 0; at < value.length; at += 1) {
      const wrong = item(value[at]);
      if (wrong !== undefined) return `[${at}]${wrong}`;
    }
    return undefined;
  };
}

function mapOf(item: Check): Check {
  return value => {
    if (!isObject(value)) return ' is not an object';
    for (const key in value) {
      const wrong = item(value[key]);
      if (wrong !== undefined) return `.${key}${wrong}`;
    }
    return undefined;
  };
}

function shape<T>(fields: Fields<T>): Check {
  const keys = Object.keys(fields);
  const checks = Object.values<Check>(fields);
  return value => {
    if (!isObject(value)) return value === undefined ? ' is missing' : ' is not an object';
    // By index: this is the innermost loop of a start.
    for (let at = 0; at < keys.length; at += 1) {
      const key = keys[at] as string;
      const wrong = (checks[at] as Check)(value[key]);
      if (wrong !== undefined) return `.${key}${wrong}`;
    }
    return undefined;
  };
}

/** A union discriminated by the string under `tag`. */
function tagged<T, K extends keyof T>(
  tag: K & string,
  variants: { readonly [V in T[K] & string]: Fields<Omit<Extract<T, { [P in K]: V }>, K>> },
): Check {
  const checks = new Map(Object.entries(variants).map(([name, fields]) => [name, shape(fields as Fields<object>)]));
  return value => {
    if (!isObject(value)) return value === undefined ? ' is missing' : ' is not an object';
    const check = checks.get(value[tag] as string);
    return check ? check(value) : `.${tag} is not one of ${[...checks.keys()].join(', ')}`;
  };
}

const ENGINE = oneOf<EngineName>(...ENGINE_NAMES);

const PIN = shape<Pin>({ dev: STRING, ino: STRING, sizeBytes: NUMBER, mtimeNs: STRING, ctimeNs: STRING });
const SIDECAR = shape<Sidecar>({ path: STRING, text: STRING, byStranger: optional(BOOLEAN) });
const MESSAGE = optional(shape<Message>({ code: STRING, params: optional(OBJECT) }));
const REASON = shape<Reason>({
  code: STRING,
  text: STRING,
  hint: optional(STRING),
  action: optional(shape<Action>({ code: STRING, link: optional(STRING) })),
  messages: optional(OBJECT),
});

const TARGET = shape<Target>({
  size: optional(
    tagged<NonNullable<Target['size']>, 'kind'>('kind', {
      bytes: { bytes: NUMBER },
      share: { share: NUMBER },
      rate: { bitsPerSecond: NUMBER },
    }),
  ),
  floor: optional(STRING),
  belowFloor: optional(STRING),
  trim: optional(shape<Trim>({ from: optional(NUMBER), to: optional(NUMBER) })),
  resolution: optional(
    tagged<Resolution, 'kind'>('kind', { lines: { lines: NUMBER }, box: { width: NUMBER, height: NUMBER } }),
  ),
  fps: optional(NUMBER),
  audio: tagged<Target['audio'], 'kind'>('kind', { keep: {}, mute: {}, bitrate: { bitsPerSecond: NUMBER } }),
  codec: optional(STRING),
  quality: STRING,
  minSaving: NUMBER,
});

const DECISION = tagged<Decision, 'kind'>('kind', {
  do: {
    rule: STRING,
    engine: ENGINE,
    fallback: STRING,
    insteadOf: optional(ENGINE),
    target: TARGET,
    instruction: optional(STRING),
    leavesOut: optional(STRING),
    output: STRING,
    why: STRING,
    messages: optional(OBJECT),
  },
  hold: {
    rule: STRING,
    engine: ENGINE,
    reason: STRING,
    hint: STRING,
    instruction: optional(STRING),
    messages: optional(OBJECT),
  },
  skip: { rule: optional(STRING), reason: STRING, messages: optional(OBJECT) },
});

const HOLDING = shape<Holding>({
  kind: STRING,
  value: STRING,
  startS: optional(NUMBER),
  endS: optional(NUMBER),
});
const EXPECTATION = shape<Expectation>({
  maxBytes: optional(NUMBER),
  durationS: optional(NUMBER),
  durationToleranceS: optional(NUMBER),
  width: optional(NUMBER),
  height: optional(NUMBER),
  frames: optional(NUMBER),
  audioTracks: optional(NUMBER),
  subtitleTracks: optional(NUMBER),
  maxFps: optional(NUMBER),
  videoCodecs: list(STRING),
  holds: optional(list(HOLDING)),
});
const CANDIDATE = shape<Candidate>({
  path: STRING,
  isSource: BOOLEAN,
  bytes: NUMBER,
  expect: EXPECTATION,
  how: STRING,
  notes: list(STRING),
  messages: optional(OBJECT),
  damagedSource: optional(BOOLEAN),
  madeHere: optional(BOOLEAN),
});
const INTENT = shape<PublishIntent>({ temp: STRING, target: STRING, ino: STRING, bytes: NUMBER, sha256: STRING });
const DELIVERY = shape<Delivery>({ output: STRING, bytes: NUMBER });

const NAMED_STEP: Fields<NamedStep> = { step: STRING, stepId: optional(STRING), stepParams: optional(OBJECT) };
const STARTED = shape<{ engine: EngineName } & NamedStep>({ engine: ENGINE, ...NAMED_STEP });
const BECAUSE = shape<{ reason: Reason }>({ reason: REASON });
const MOVED = shape<{ to: string }>({ to: STRING });
const ARCHIVED = shape<ArchivedCopy>({ path: STRING, sha256: STRING });

const PLACE = shape<Place>({ line: oneOf('first', 'middle', 'last'), rank: NUMBER });

const LEASE = shape<LeaseRef>({ task: STRING, want: STRING, n: NUMBER, worker: STRING });

const ADMITTED: Fields<Admitted> = {
  arrival: NUMBER,
  inbox: STRING,
  path: STRING,
  relative: STRING,
  pin: PIN,
  fingerprint: STRING,
  contentHash: optional(STRING),
  sidecar: optional(SIDECAR),
  words: optional(STRING),
  wordsByAnybody: optional(BOOLEAN),
  version: NUMBER,
  nameVersion: optional(NUMBER),
  decision: DECISION,
  library: optional(BOOLEAN),
};

type EventData<N extends EventName> = Extract<JobEvent, { event: N }>['data'];

const EVENTS: { readonly [N in EventName]: Check } = {
  admitted: shape<Admitted>(ADMITTED),
  decided: shape<EventData<'decided'>>({
    decision: DECISION,
    sidecar: optional(SIDECAR),
    words: optional(STRING),
    wordsByAnybody: optional(BOOLEAN),
    nameVersion: optional(NUMBER),
  }),
  repinned: shape<EventData<'repinned'>>({
    inbox: optional(STRING),
    path: STRING,
    relative: STRING,
    pin: PIN,
    contentHash: optional(STRING),
  }),
  queued: shape<EventData<'queued'>>({
    because: STRING,
    message: MESSAGE,
    fresh: optional(BOOLEAN),
    byPerson: optional(BOOLEAN),
  }),
  started: STARTED,
  step: STARTED,
  checkpoint: shape<EventData<'checkpoint'>>({ key: STRING, value: JSON_VALUE }),
  fact: shape<EventData<'fact'>>({ key: STRING, value: STRING, message: MESSAGE }),
  leased: LEASE,
  'lease-ended': shape<LeaseEnd>({
    ...{ task: STRING, n: NUMBER, worker: STRING },
    how: oneOf('delivered', 'lost', 'failed', 'withdrawn'),
  }),
  doubted: shape<EventData<'doubted'>>({ engine: ENGINE, reason: REASON, ...NAMED_STEP }),
  candidate: shape<EventData<'candidate'>>({ candidate: CANDIDATE }),
  rejected: shape<EventData<'rejected'>>({ reason: REASON, keepCheckpoints: BOOLEAN }),
  verified: shape<EventData<'verified'>>({ evidence: STRING, message: MESSAGE }),
  archiving: MOVED,
  archived: ARCHIVED,
  publishing: shape<EventData<'publishing'>>({ intent: INTENT }),
  published: shape<EventData<'published'>>({ delivery: DELIVERY }),
  disposing: MOVED,
  disposed: shape<EventData<'disposed'>>({ kind: oneOf('archived', 'deleted'), to: STRING, sha256: optional(STRING) }),
  restoring: MOVED,
  restored: MOVED,
  pruned: shape<EventData<'pruned'>>({ path: STRING }),
  done: shape<EventData<'done'>>({ note: optional(STRING), message: MESSAGE }),
  waiting: shape<EventData<'waiting'>>({ until: NUMBER, reason: REASON, strike: optional(STRING) }),
  held: BECAUSE,
  failed: BECAUSE,
  cancelled: shape<EventData<'cancelled'>>({ reason: REASON, until: optional(NUMBER) }),
  skipped: BECAUSE,
  placed: shape<EventData<'placed'>>({ place: PLACE }),
  paused: shape<EventData<'paused'>>({ by: STRING }),
  resumed: shape<EventData<'resumed'>>({ by: STRING }),
  'command-due': shape<EventData<'command-due'>>({ commands: list(STRING) }),
  'command-begun': shape<EventData<'command-begun'>>({ command: STRING }),
  'command-ended': shape<EventData<'command-ended'>>({ command: STRING, problem: optional(STRING), message: MESSAGE }),
  reported: shape<EventData<'reported'>>({ path: optional(STRING) }),
  forgotten: shape<EventData<'forgotten'>>({ by: STRING }),
};

const DELIVERING: Fields<Omit<Extract<JobState, { name: 'delivering' }>, 'name'>> = {
  candidate: CANDIDATE,
  evidence: STRING,
  archiving: optional(STRING),
  archived: optional(ARCHIVED),
  intent: optional(INTENT),
  published: optional(DELIVERY),
  disposing: optional(STRING),
};
const FROM = optional(
  tagged<Extract<JobState, { name: 'verifying' | 'delivering' }>, 'name'>('name', {
    verifying: { candidate: CANDIDATE },
    delivering: DELIVERING,
  }),
);
const STATE = tagged<JobState, 'name'>('name', {
  queued: {},
  waiting: { until: NUMBER, reason: REASON, from: FROM },
  running: { engine: ENGINE, since: NUMBER, ...NAMED_STEP },
  'in-doubt': { engine: ENGINE, since: NUMBER, reason: REASON, ...NAMED_STEP },
  verifying: { candidate: CANDIDATE },
  delivering: DELIVERING,
  done: {
    output: STRING,
    outputBytes: NUMBER,
    outputIno: optional(STRING),
    outputSha256: optional(STRING),
    how: STRING,
    notes: list(STRING),
    evidence: STRING,
    messages: optional(OBJECT),
  },
  held: { reason: REASON, from: FROM },
  failed: { reason: REASON },
  cancelled: { reason: REASON, until: optional(NUMBER), from: FROM },
  skipped: { reason: REASON },
} satisfies Record<(typeof STATE_NAMES)[number], object>);

const JOB = shape<Job>({
  ...ADMITTED,
  id: STRING,
  state: STATE,
  place: optional(PLACE),
  paused: optional(BOOLEAN),
  retried: NUMBER,
  attempts: NUMBER,
  waits: NUMBER,
  strikes: mapOf(NUMBER),
  checkpoints: OBJECT,
  leases: optional(shape<Leases>({ last: mapOf(NUMBER), open: list(LEASE) })),
  original: optional(
    tagged<NonNullable<Job['original']>, 'kind'>('kind', {
      archived: { path: STRING, at: NUMBER, sha256: optional(STRING) },
      deleted: { at: NUMBER },
    }),
  ),
  restoring: optional(BOOLEAN),
  commands: optional(mapOf(oneOf('due', 'begun'))),
  report: optional(STRING),
  facts: mapOf(STRING),
  factMessages: optional(OBJECT),
  cloud: optional(
    shape<CloudRefs>({
      session: optional(STRING),
      task: optional(STRING),
      user: optional(STRING),
      claimUrl: optional(STRING),
      file: optional(STRING),
      draft: optional(STRING),
    }),
  ),
  createdAt: NUMBER,
  updatedAt: NUMBER,
  history: list(shape<HistoryEntry>({ at: NUMBER, event: STRING, note: optional(STRING), message: optional(OBJECT) })),
});

/** A record that does not fit this schema. The message completes the sentence "file:line: ...". */
export class UnfitRecord extends Error {
  override readonly name = 'UnfitRecord';
}

/** The event a record of a job holds. @throws UnfitRecord */
export function parseEvent(event: string, data: unknown): JobEvent {
  if (!Object.hasOwn(EVENTS, event)) throw new UnfitRecord(`this version does not know the event "${event}"`);
  return checked(EVENTS[event as EventName], event, data, { event, data } as JobEvent);
}

/** The job a snapshot holds. @throws UnfitRecord */
export function parseJob(data: unknown): Job {
  return checked(JOB, 'snapshot', data, data as Job);
}

function checked<T>(check: Check, name: string, data: unknown, parsed: T): T {
  const wrong = check(data);
  if (wrong !== undefined) throw new UnfitRecord(`the data of "${name}" does not fit: data${wrong}`);
  return parsed;
}
