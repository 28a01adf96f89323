/**
 * The shape of every answer over HTTP, once: the types of `types.ts` are inferred from it, and `GET /api/openapi.json` is made
 * from it.
 */
import { z } from 'zod';
import { RULE_KEYS } from '../config/edit.ts';
import type { ActionCode } from '../core/errors.ts';
import { ENGINE_NAMES, QUEUE_ORDERS, STATE_NAMES, type StateName } from '../core/job.ts';
import type { MessageParam } from '../core/message.ts';

/** The schemas the description of the API names. */
export const NAMED = z.registry<{ id: string; description?: string }>();

const stateName = z.enum(STATE_NAMES as readonly [StateName, ...StateName[]]).register(NAMED, { id: 'State' });
const engineName = z.enum(ENGINE_NAMES).register(NAMED, { id: 'Engine' });
const ACTIONS = [
  'register',
  'top-up',
  'upgrade-plan',
  'decide',
  'offer',
  'wait',
] as const satisfies readonly ActionCode[];
const time = z.int().describe('epoch milliseconds');
const bytes = z.int().nonnegative();
const text = z.string();

const param: z.ZodType<MessageParam> = z.any();
const message = z.object({ code: text, params: z.record(text, param).readonly().optional() }).register(NAMED, {
  id: 'Message',
  description: 'The code of a text, with its parameters: for translation. The text beside it is English.',
});

const reasonMessages = z.object({ reason: message.optional() });

export const actionView = z
  .object({
    code: z.enum(ACTIONS),
    text: text.describe('a sentence'),
    link: text.nullable().describe('an address to open'),
    since: time.nullable(),
  })
  .register(NAMED, { id: 'Action', description: 'What is expected of a person, or that nothing is but patience.' });

export const jobView = z
  .object({
    id: text,
    source: text.describe('absolute path'),
    folder: text.describe('the inbox'),
    rule: text.nullable(),
    engine: engineName.nullable(),
    state: stateName,
    reason: text.nullable().describe('a sentence'),
    action: actionView.nullable().describe('what is expected of a person'),
    step: text.nullable(),
    progress: z.number().nullable().describe('0 to 1'),
    source_bytes: bytes,
    target_bytes: bytes.nullable(),
    target_firm: z.boolean().describe('false: the result is larger where that size would not look good enough'),
    output: text.nullable(),
    output_bytes: bytes.nullable(),
    created_at: time,
    updated_at: time,
  })
  .register(NAMED, { id: 'Job', description: 'One job, as lists show it.' });

/** Codes of the English texts of the same names; absent where a text has none, as in journals of 0.1.0. */
const detailMessages = reasonMessages.extend({
  hint: message.optional(),
  how: message.optional(),
  notes: z.array(message.nullable()).optional().describe('parallel to `notes`; null where a note has no code'),
  evidence: message.optional(),
  step: message.optional(),
  progress_note: message.optional(),
  action: message.optional(),
  facts: z.record(text, message).optional().describe('of those facts that have one'),
});

const historyEntry = z.object({
  at: time,
  event: text,
  note: text.optional(),
  message: message.optional(),
});

export const jobDetail = jobView
  .extend({
    relative: text.describe('path below the inbox'),
    version: z.int(),
    attempts: z.int(),
    instruction: text.nullable(),
    part: z
      .object({ from: z.number().optional(), to: z.number().optional() })
      .optional()
      .describe('the part of the source asked for, in seconds from its beginning or, where negative, from its end'),
    hint: text.nullable().describe('what to do about `reason`'),
    how: text.nullable(),
    notes: z.array(text),
    evidence: text.nullable(),
    eta_ms: z.number().nullable(),
    progress_note: text.nullable(),
    waiting_until: time.nullable().describe('when a waiting job continues'),
    undo_until: time.nullable().describe('until then, `retry` of a cancelled job goes on from where it was'),
    paused: z.boolean().describe('a person had this one rest'),
    retry_helps: z
      .boolean()
      .describe('whether `retry` may end otherwise; if not, the file or what is asked for has to change'),
    place: z.enum(['first', 'middle', 'last']).nullable().describe('where a person put it in the queue'),
    original: text.nullable().describe('where the original is now, or `deleted`'),
    report: text.nullable(),
    facts: z.record(text, text),
    history: z.array(historyEntry),
    messages: detailMessages.optional(),
  })
  .register(NAMED, { id: 'JobDetail', description: 'Everything about one job.' });

/** What a list of jobs leaves out, for an open page. */
export const liveView = jobDetail.pick({
  eta_ms: true,
  progress_note: true,
  hint: true,
  waiting_until: true,
  undo_until: true,
  paused: true,
  retry_helps: true,
  place: true,
  messages: true,
});

export const jobAfterAction = jobView
  .extend(liveView.partial().shape)
  .register(NAMED, { id: 'JobAfterAction', description: 'The job as it is after the action.' });

export const jobList = z.array(z.union([jobDetail, jobView])).register(NAMED, {
  id: 'Jobs',
  description: 'With `detail=1` each one is a JobDetail. `X-Total-Count` says how many match.',
});

const engineStatus = z.object({
  name: text,
  ready: z.boolean(),
  slots: z.int(),
  busy: z.int(),
  paused_until: time.nullable(),
  reason: text.nullable(),
  action: actionView.nullable().describe('what a person can do about it'),
  messages: reasonMessages.extend({ action: message.optional() }).optional(),
});

const arrivingFile = z.object({ path: text, why: text, message: message.optional().describe('the code of `why`') });

const folderStatus = z.object({
  inbox: text,
  outbox: text,
  available: z.boolean(),
  reason: text.nullable(),
  messages: reasonMessages.optional(),
  polled: z.boolean(),
  pending: z.int(),
  arriving: z
    .array(arrivingFile)
    .describe('a few of the pending files, and why each has not been taken yet; those held by something come first'),
  left_alone: z
    .array(z.object({ kind: text, files: z.int() }))
    .describe(
      'what no rule can take, by extension (empty: other names), or `symbolic link`, `named pipe`, `special file`, `path too long`; the commonest kind first; none has a job',
    ),
  last_scan_age_ms: z.number().nullable(),
  disks: z
    .array(
      z.object({
        place: z.enum(['inbox', 'outbox', 'archive']),
        path: text,
        free_bytes: bytes.nullable().describe('null if the disk did not answer'),
        size_bytes: bytes.nullable(),
      }),
    )
    .describe('how full the disks of the folder were a moment ago'),
});

const fileSum = z.object({ files: z.int(), bytes });

const workerStatus = z.object({
  name: text,
  state: z
    .enum(['idle', 'working', 'resting', 'draining', 'benched', 'away', 'invited', 'outdated'])
    .describe(
      'resting: outside its hours; draining: ends after what it makes; invited: has not joined yet; outdated: its protocol is not served',
    ),
  version: text.nullable().describe('null until it is heard of'),
  slots: z.int(),
  hours: text.nullable().describe('of the day in which it encodes, on its own clock; null for always'),
  scratch_free: bytes.nullable().describe('as it last said'),
  tasks: z.array(
    z.object({
      task: text,
      n: z.int().describe('number of the lease'),
      fraction: z.number(),
      fps: z.number(),
      step: text,
    }),
  ),
  failures: z.int().describe('in a row'),
  benched_for_ms: z.number().nullable().describe('null also where a person sent it away: until `--off`'),
  benched_because: text.nullable(),
  messages: z.object({ benched_because: message.optional() }).optional(),
  seen_at: time.nullable().describe('null until it is heard of'),
});

const filmStatus = z.object({
  job: text,
  of: z.int().describe('how many parts the film has'),
  parts: z
    .array(
      z.object({
        part: z.int().describe('from 0'),
        state: z
          .enum(['waiting', 'making', 'made', 'here'])
          .describe('of its current pass; here: the daemon makes it itself'),
        worker: text.nullable(),
        step: text.nullable(),
        fraction: z.number().nullable(),
      }),
    )
    .describe('those that were asked for since the start'),
});

const fleetStatus = z.object({
  queue: z.object({ up: z.boolean(), since: time, why: text.nullable() }),
  queued: z.int().describe('parts that wait for a worker'),
  leased: z.int().describe('parts being made'),
  workers: z.array(workerStatus),
  films: z.array(filmStatus).describe('those under way'),
});

export const statusView = z
  .object({
    version: text,
    running: z.boolean().describe('false if read from the journal without a daemon'),
    pid: z.int().nullable(),
    started_at: time.nullable(),
    mode: z.enum(['running', 'paused', 'draining', 'drained', 'stopping', 'stopped']),
    state_dir: text,
    libraries: z.int().describe('folders that are worked on in place; `/api/library` says how they are'),
    page: text.nullable().describe('the address of the page for a browser'),
    page_unavailable: text.optional().describe('why there is no page although http.listen asks for one'),
    local_hours: z
      .object({ hours: text, time_zone: text })
      .nullable()
      .describe('when this machine encodes, as the running daemon takes it; null for always, or without a daemon'),
    counts: z.record(stateName, z.int()),
    queue: z.object({
      order: z.enum(QUEUE_ORDERS).describe('how the jobs of each folder are sorted; folders take turns'),
      left_ms: z.number().nullable().describe('work left until the queue is empty; null where nobody can know'),
      finish_at: time.nullable().describe('when that will be, with the rest that `local_hours` asks for'),
    }),
    totals: z.object({
      done: z.int(),
      source_bytes: bytes.describe('of the sources of all results; of versions of one file, the newest counts'),
      output_bytes: bytes,
      saved_bytes: z
        .int()
        .describe('by how much the results are smaller; nothing is free while the originals are there'),
      freed_bytes: z.int().describe('deleted originals less what was made of them'),
      originals_left: fileSum.describe('originals that were left in their inbox'),
      originals_archived: fileSum,
    }),
    engines: z.array(engineStatus),
    fleet: fleetStatus.optional().describe('the workers; absent where the configuration has no fleet'),
    folders: z.array(folderStatus),
  })
  .register(NAMED, { id: 'Status', description: 'The daemon, its engines and its folders.' });

const comparedRule = z.object({
  name: text,
  matched: z.boolean(),
  why: text,
  message: message.optional().describe('the code of `why`'),
});

export const explanation = z
  .object({
    path: text,
    folder: text.nullable().describe('the inbox or library the file is in'),
    library: z.boolean().optional().describe('true where that is a library'),
    rules: z.array(comparedRule).describe('every rule compared, in order'),
    arriving: text.nullable().describe('why it has not been taken yet; null if nobody waits for it'),
    verdict: text.describe('what would be done, or why not'),
    messages: z
      .object({
        verdict: message.optional(),
        arriving: message.optional(),
        plan: z.array(message.nullable()).optional().describe('parallel to `plan`; null where a line has no code'),
      })
      .optional(),
    plan: z.array(text).describe('what the engine would do, one line each'),
    before: z.array(jobDetail).describe('earlier jobs of this file, by path or by content, newest first'),
  })
  .register(NAMED, { id: 'Explanation' });

export const understoodWords = z
  .object({
    understood: z.boolean().describe('false: the words would hold the job, or go to the cloud as they are'),
    text: text.describe('what the file would become, with what its rule says; or why not'),
    message: message.optional().describe('the code of `text`'),
    not_understood: z.array(text).describe('the parts of the words that mean nothing here'),
    engine: engineName.nullable(),
    target: z
      .object({
        max_bytes: bytes.nullable(),
        share: z.number().nullable().describe('of the source, 0 to 1'),
        bits_per_second: z.number().nullable(),
        resolution: text.nullable().describe('`720p` or `1280x720`'),
        fps: z.number().nullable(),
        audio: z.enum(['keep', 'mute', 'bitrate']),
        codec: text.nullable(),
      })
      .nullable()
      .describe('null where nothing would be made'),
  })
  .register(NAMED, { id: 'Understood', description: 'What an instruction asks for, as the daemon reads it.' });

export const needsList = z
  .array(
    z.object({
      code: text.describe('of the reason, the same for all of the group'),
      state: z.enum(['held', 'failed']),
      jobs: z.int(),
      reason: text.describe('that of the newest'),
      hint: text.nullable(),
      messages: z.object({ reason: message.optional(), hint: message.optional() }).optional(),
      newest: z.array(text).describe('ids of the newest of them, at most 50'),
    }),
  )
  .register(NAMED, { id: 'Needs', description: 'Every job that needs a person, by reason; the largest group first.' });

export const archiveView = z
  .object({
    bytes: bytes.describe('of all of them'),
    files: z.array(
      z.object({
        job: text.describe('id; `restore` moves the original back'),
        source: text.describe('where it was'),
        path: text.describe('where it is'),
        bytes,
        archived_at: time,
        until: time.nullable().describe('when it is deleted (`archive_days`); null for never'),
      }),
    ),
  })
  .register(NAMED, { id: 'Archive', description: 'Originals in the archives, the newest first.' });

const planView = z.object({
  id: text,
  library: text,
  folder: text.describe('the folder of the library that was looked through'),
  made_at: time,
  films: z.int(),
  bytes,
  other_files: z.int(),
  unreadable_folders: z.int(),
  todo: z.object({ films: z.int(), bytes, expected_bytes: bytes, seconds: z.number() }),
  archive_missing_bytes: bytes
    .optional()
    .describe('what the archive, on a disk of its own, has no room for of the originals'),
  left_alone: z.array(z.object({ kind: text, text, films: z.int(), bytes })),
  largest: z.array(z.object({ path: text, bytes, expected_bytes: bytes, seconds: z.number() })),
  looked_at: z.int(),
  sampled: z.int(),
  estimated: z.object({ films: z.int(), bytes }).describe('films that were not looked at one by one'),
});

const checkFinding = z.object({
  path: text,
  why: text,
  message: message.optional().describe('the code of `why`'),
});

export const libraryView = z
  .object({
    library: text,
    archive: text.nullable().describe('null where originals are replaced'),
    state: z.enum(['idle', 'planning', 'planned', 'running']),
    reason: text.nullable().describe('why it does not go on'),
    messages: reasonMessages.optional(),
    plan: planView.nullable().describe('the last one that was finished'),
    planning: z.object({ folder: text, found: z.int(), looked: z.int(), of: z.int() }).nullable(),
    done: z.int(),
    left_alone: z.int().describe('films whose turn came, and that stayed as they are'),
    held: z.int().describe('films that need a person'),
    saved_bytes: z.int().describe('by how much the library is smaller'),
    archived_bytes: bytes.describe('of originals in the archive: nothing is free while it is on the same disk'),
    now: text.nullable().describe('the film at work'),
    next: text.nullable(),
    left_ms: z.number().nullable().describe('work left'),
    finish_at: time.nullable(),
    check: z
      .object({
        done: z.boolean(),
        checked: z.int(),
        of: z.int(),
        problems: z.array(checkFinding),
        settled: z.array(checkFinding).describe('what was left behind, and was put in order'),
      })
      .nullable(),
  })
  .register(NAMED, { id: 'Library', description: 'A folder that is worked on in place.' });

export const libraryList = z.array(libraryView).register(NAMED, { id: 'Libraries', description: 'All libraries.' });

export const health = z
  .object({ ok: z.boolean(), mode: text, stuck: z.boolean().describe('no work can progress; the log says why') })
  .register(NAMED, { id: 'Health' });

export const dayView = z.object({
  day: text.describe('`2026-11-23`, in the time zone of this machine'),
  done: z.int(),
  source_bytes: bytes,
  output_bytes: bytes,
  saved_bytes: z.int(),
});
export const dayList = z
  .array(dayView)
  .register(NAMED, { id: 'Days', description: 'Days on which jobs were done, oldest first.' });

export const inboxList = z
  .array(z.object({ inbox: text, free_bytes: bytes.nullable() }))
  .register(NAMED, { id: 'Inboxes', description: 'Where files can be added, and how much still fits.' });

export const resultLink = z
  .object({
    path: text.describe('the address of the result, relative to that of the page; it needs no token'),
    until: time.describe('when it ends; a restart of the daemon ends it sooner'),
  })
  .register(NAMED, { id: 'ResultLink', description: 'For a `<video>` and for downloads, which cannot send a token.' });

export const pairingCode = z
  .object({ code: text, until: time })
  .register(NAMED, { id: 'PairingCode', description: 'Opens the page on one more device: `PAGE#pair=CODE`.' });

export const accessToken = z.object({ token: text }).register(NAMED, { id: 'AccessToken' });

export const uploaded = z.object({ path: text, name: text, bytes }).register(NAMED, { id: 'Uploaded' });

export const uploadProgress = z
  .object({
    id: text,
    offset: bytes.describe('bytes that are there; the next part begins here'),
    bytes: bytes.describe('of the whole file'),
    file: uploaded.nullable().describe('what it became, once all of it is there'),
  })
  .register(NAMED, { id: 'Upload', description: 'An upload in parts.' });

export const abandoned = z.object({ id: text }).register(NAMED, { id: 'Abandoned' });

const written = z.union([text, z.number(), z.boolean(), z.array(text).readonly()]);
const OUTCOMES = ['done', 'held', 'failed'] as const;
const rulesHere = z.array(text).nullable().describe('names of rules, in their order; null for all of them');

const configProblem = z
  .object({
    ...{ line: z.int(), column: z.int(), path: text.describe('`rules[0].size`'), message: text },
    messages: z.object({ message: message.optional() }),
  })
  .register(NAMED, { id: 'ConfigProblem', description: 'A mistake, as `shrinkbox check` reports it.' });

export const configView = z
  .object({
    file: text.nullable().describe('null for the built-in defaults'),
    version: text.nullable().describe('changes with every character of the file'),
    editable: z.boolean().describe('whether whoever asks may change it here'),
    why_not: text.nullable(),
    messages: z.object({ why_not: message.optional() }),
    problems: z.array(configProblem).describe('of the file as it is now; the daemon goes on with what it read before'),
    rules: z.array(
      z.object({
        name: text,
        values: z.record(text, written).describe('keys as in the file'),
        engine: text.nullable(),
        fallback: text.nullable(),
      }),
    ),
    folders: z.array(
      z.object({
        inbox: text,
        outbox: text,
        originals: z.enum(['keep', 'archive', 'delete']),
        archive: text.nullable(),
        archive_days: z.number().nullable(),
        rules: rulesHere,
      }),
    ),
    hours: text.nullable().describe('`22:00-07:00`; null for always'),
    time_zone: text,
    notify: z.array(z.object({ to: text.describe('without what may be secret in it'), on: z.array(z.enum(OUTCOMES)) })),
  })
  .register(NAMED, { id: 'Config', description: 'Rules and settings, as they stand in the file.' });

/** What a program or the page sends to have the file changed. */
export const configEdit = z
  .object({
    version: text.describe('of the file that was changed'),
    rules: z
      .array(
        z.object({
          was: z.int().nonnegative().nullable().describe('its place in the file; null for a new one'),
          values: z.partialRecord(z.enum(RULE_KEYS), written).refine(values => Object.keys(values).length > 0),
        }),
      )
      .min(1)
      .max(200)
      .optional()
      .describe('all rules in their order; what is missing is removed'),
    folders: z.array(rulesHere).max(200).optional().describe('one entry for each folder'),
    hours: text.nullable().optional(),
    notify: z
      .array(z.array(z.enum(OUTCOMES)).min(1))
      .max(200)
      .optional()
      .describe('one entry for each address'),
  })
  .register(NAMED, { id: 'ConfigEdit' });

export const configChange = z
  .object({
    saved: z.boolean(),
    problems: z.array(configProblem).describe('why nothing is saved'),
    diff: z.array(z.object({ kind: z.enum(['same', 'old', 'new', 'gap']), text })),
    version: text,
    applied: z.array(text).describe('keys that take effect at once'),
    needs_restart: z.array(text),
  })
  .register(NAMED, { id: 'ConfigChange', description: 'What an edit does to the file.' });

export const whichRule = z
  .object({
    inbox: text,
    name: text.describe('path below the inbox'),
    bytes,
    rule: text.nullable(),
    rules: z.array(comparedRule).describe('every rule compared, in order'),
    verdict: text,
    message: message.optional().describe('the code of `verdict`'),
  })
  .register(NAMED, { id: 'WhichRule' });

export const notifyTests = z
  .array(z.object({ url: text.describe('without what may be secret in it'), ok: z.boolean(), said: text }))
  .register(NAMED, { id: 'NotifyTests' });

export const errorBody = z
  .object({
    error: z.object({
      code: text,
      message: text,
      hint: text.nullable().describe('what to do'),
      messages: z.object({ message: message.optional(), hint: message.optional() }).optional(),
    }),
  })
  .register(NAMED, { id: 'Error', description: 'Why a request was refused. `code` does not change; the words may.' });
