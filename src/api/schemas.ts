/**
 * The shape of every answer over HTTP, once: the types of `types.ts` are inferred from it, and `GET /api/openapi.json` is made
 * from it.
 */
import { z } from 'zod';
import type { ActionCode } from '../core/errors.ts';
import { STATE_NAMES, type EngineName, type StateName } from '../core/job.ts';
import type { MessageParam } from '../core/message.ts';

/** The schemas the description of the API names. */
export const NAMED = z.registry<{ id: string; description?: string }>();

const stateName = z.enum(STATE_NAMES as readonly [StateName, ...StateName[]]).register(NAMED, { id: 'State' });
const ENGINES = ['local', 'nemo'] as const satisfies readonly EngineName[];
const engineName = z.enum(ENGINES).register(NAMED, { id: 'Engine' });
const ACTIONS = ['register', 'top-up', 'upgrade-plan', 'decide', 'wait'] as const satisfies readonly ActionCode[];
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
    hint: text.nullable().describe('what to do about `reason`'),
    how: text.nullable(),
    notes: z.array(text),
    evidence: text.nullable(),
    eta_ms: z.number().nullable(),
    progress_note: text.nullable(),
    waiting_until: time.nullable().describe('when a waiting job continues'),
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
      'what no rule can take, by extension (empty: other names), or `symbolic link`, `named pipe`, `special file`; the commonest kind first; none has a job',
    ),
  last_scan_age_ms: z.number().nullable(),
});

export const statusView = z
  .object({
    version: text,
    running: z.boolean().describe('false if read from the journal without a daemon'),
    pid: z.int().nullable(),
    started_at: time.nullable(),
    mode: z.enum(['running', 'paused', 'draining', 'drained', 'stopping', 'stopped']),
    state_dir: text,
    page: text.nullable().describe('the address of the page for a browser'),
    page_unavailable: text.optional().describe('why there is no page although http.listen asks for one'),
    local_hours: z
      .object({ hours: text, time_zone: text })
      .nullable()
      .describe('when this machine encodes, as the running daemon takes it; null for always, or without a daemon'),
    counts: z.record(stateName, z.int()),
    totals: z.object({
      done: z.int(),
      source_bytes: bytes,
      output_bytes: bytes,
      saved_bytes: z.int(),
    }),
    engines: z.array(engineStatus),
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
    folder: text.nullable().describe('the inbox the file is in'),
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

export const health = z.object({ ok: z.boolean(), mode: text }).register(NAMED, { id: 'Health' });

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

export const uploaded = z.object({ path: text, name: text, bytes }).register(NAMED, { id: 'Uploaded' });

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
