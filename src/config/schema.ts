/**
 * Room: the configuration, from finding the file to values the code can use, with an error message for every mistake. This schema is
 * the single source of its types, defaults, documentation, JSON Schema and messages. Keys are snake_case in the file and camelCase in
 * the code (see `Config`); durations become milliseconds, sizes bytes, percentages shares of 1, paths absolute.
 */
import { z } from 'zod';
import { escapeForTerminal } from '../core/escape.ts';
import { MAX_INSTRUCTION } from '../core/job.ts';
import { say } from '../messages/say.ts';
import { saidBy, shown, tell } from './told.ts';
import * as amount from './quantities.ts';
import * as field from './fields.ts';
import { fleetSchema, workerSchema } from './fleet-schema.ts';
import type { ResolvePath } from './resolve-path.ts';
import { DEFAULT_OUTPUT } from './output-template.ts';

// A schema is used once: compiling its parsers would take longer than parsing with them.
z.config({ jitless: true });

/** For a file without rules: fits most upload forms, and plays well on common devices. Nobody asked for these 50 MB, so they spoil nothing. */
export const DEFAULT_RULES: z.input<ReturnType<typeof ruleSchema>>[] = [
  { name: 'default', size: '50MB', resolution: '1080p', floor: 'good', below_floor: 'keep-quality' },
];

export function configSchema(resolve: ResolvePath) {
  return map(tell('config.the-configuration'), {
    state_dir: field
      .path(resolve, './state')
      .prefault('./state')
      .describe(
        'Journal, identity, lock, control socket and working files; on a local disk, readable only to the service.',
      ),
    engine: field
      .oneOf('local', 'nemo', 'fleet')
      .default('local')
      .describe(
        'Who does the work unless a rule says otherwise: ffmpeg on this machine, the NemoVideo cloud, or the workers of the fleet.',
      ),
    folders: list('folders', folderSchema(resolve))
      .prefault([{ inbox: './inbox', outbox: './outbox' }])
      .describe('Watched folders, each with the folder its results go to.'),
    rules: list('rules', ruleSchema())
      .prefault(DEFAULT_RULES)
      .describe('What to do with which file; the first rule that matches wins.'),
    limits: limitsSchema().prefault({}).describe('How much is done at once, and when.'),
    nemo: nemoSchema(resolve)
      .prefault({})
      .describe('The NemoVideo cloud; nothing is sent there unless an engine says nemo.'),
    local: localSchema(resolve).prefault({}).describe('The local engine (ffmpeg).'),
    fleet: fleetSchema(map, resolve)
      .optional()
      .describe('Other machines that take parts of films; see `shrinkbox fleet`. Default: none.'),
    worker: workerSchema(map, resolve)
      .optional()
      .describe('This machine as a worker of a fleet; read by `shrinkbox worker` only.'),
    http: httpSchema(resolve).prefault({}).describe('The page, API and metrics.'),
    notify: z
      .array(notifySchema(), {
        error: ({ input }) => tell('config.not-list-of', { value: shown(input), what: say('config.notify-addresses') }),
      })
      .default([])
      .describe('Webhooks called when a job ends.'),
    after: z
      .array(afterSchema(resolve), {
        error: ({ input }) => tell('config.not-list-of', { value: shown(input), what: say('config.commands') }),
      })
      .default([])
      .describe('Programs that are run when a job ends, with the job as JSON on their standard input.'),
    log: logSchema().prefault({}).describe('What is written to the log, and how.'),
  });
}

const folderSchema = (resolve: ResolvePath) =>
  map(tell('config.a-folder'), {
    inbox: field.path(resolve, './inbox').optional().describe('The folder to watch, with its sub-folders.'),
    outbox: field
      .path(resolve, './outbox')
      .optional()
      .describe('Where results go; sub-folders are mirrored. Not inside an inbox.'),
    library: field
      .path(resolve, '/srv/videos')
      .optional()
      .describe(
        'Instead of inbox and outbox: a folder that is worked on in place, file by file, after "library start" has confirmed its plan.',
      ),
    rules: field
      .oneOrMore(field.words(tell('config.a-rule-name'), tell('config.a-rule-name')), tell('config.rules-write'))
      .optional()
      .describe('Names of the rules that apply here, in this order. Default: all of them.'),
    originals: field
      .oneOf('keep', 'archive', 'delete', 'replace')
      .default('keep')
      .describe(
        'What happens to the original after its result is safely delivered. Of a library: archive, or replace, which keeps none.',
      ),
    archive: field
      .path(resolve, './archive')
      .optional()
      .describe('Where originals go with originals: archive. A library needs one.'),
    archive_days: field
      .number(1, 36_500)
      .optional()
      .describe('Archived originals older than this many days are deleted. Default: kept forever.'),
    i_have_a_backup: field
      .yesNo()
      .optional()
      .describe('Of a library with originals: replace, which cannot be undone: true, or it is refused.'),
    min_age: amount
      .duration(0, ['7d', '30d'])
      .optional()
      .describe('Of a library: younger files are left alone. Default: 7d.'),
    settle: amount
      .duration(1, ['5s', '30s'])
      .optional()
      .describe(
        'How long a file must be unchanged to count as complete. Default: 5s, 30s on network mounts, longer where writing paused before.',
      ),
    scan: amount
      .durationOrAuto(1000)
      .prefault('auto')
      .describe(
        'How often the whole inbox is listed again; auto depends on the kind of disk and polls network mounts.',
      ),
    reports: field
      .oneOf('never', 'on-failure', 'always')
      .default('on-failure')
      .describe('When a text file beside the results says what happened.'),
  });

// oxlint-disable-next-line max-lines-per-function -- a table of keys: it has as many lines as a rule has keys
const ruleSchema = () =>
  map(tell('config.a-rule'), {
    name: field
      .words(tell('config.a-name'), tell('config.name-write'), nameProblem)
      .optional()
      .describe('Shown in logs and explanations, usable as {rule}. Default: rule-1, rule-2, ...'),
    match: field
      .oneOrMore(
        field.words(tell('config.a-pattern'), tell('config.pattern-write'), matchProblem),
        tell('config.patterns-write'),
      )
      .prefault('**')
      .describe(
        'Which files, relative to the inbox: *.mov in any sub-folder, camera/** below one, !*.avi excludes. Case does not matter.',
      ),
    min_size: amount.size(['20MB', '1GB']).optional().describe('Smaller files do not match this rule.'),
    size: amount
      .targetSize()
      .optional()
      .describe('At most this size or share of the original. Default: as small as possible without visible loss.'),
    resolution: amount
      .resolution()
      .prefault('keep')
      .describe('At most this; 1080p limits the shorter side. Never upscaled.'),
    fps: field.number(1, 240, { whole: false }).optional().describe('At most this many frames per second.'),
    audio: amount.audio().prefault('keep').describe('keep all tracks, mute, or keep them at a bitrate such as 96k.'),
    codec: field
      .oneOf('h264', 'h265', 'av1')
      .optional()
      .describe('Default: h264, which plays everywhere; a source that needs no re-encoding keeps its own.'),
    quality: field
      .oneOf('auto', 'max')
      .default('auto')
      .describe('auto stops spending bits once no difference can be seen; max fills the size.'),
    instruction: field
      .words(tell('config.an-instruction'), tell('config.instruction-write'), instructionProblem)
      .optional()
      .describe('Plain words that win over the other keys. A file clip.mp4.txt beside clip.mp4 wins over them.'),
    engine: field
      .oneOf('local', 'nemo', 'fleet')
      .optional()
      .describe('Who does the work. Default: the engine named at the top.'),
    fallback: field
      .oneOf('none', 'local')
      .default('none')
      .describe(
        'For files the cloud does not accept or cannot finish: hold them (none), or do them here (local). Of the fleet: what this machine does while no worker is there.',
      ),
    output: field
      .words(tell('config.a-template'), tell('config.one-like', { example: DEFAULT_OUTPUT }), templateProblem)
      .prefault(DEFAULT_OUTPUT)
      .describe('Name of the result within the outbox, made of {dir}, {name}, {ext} (of the original) and {rule}.'),
    min_saving: amount
      .share(0, 99)
      .prefault('5%')
      .describe('When a result would save less than this, the original itself is delivered, where it fits.'),
    floor: field
      .oneOf('any', 'decent', 'good')
      .default('decent')
      .describe('How bad it may look for the sake of size, in the words of explain; any: no matter how.'),
    below_floor: field
      .oneOf('hold', 'keep-quality')
      .default('hold')
      .describe(
        'Where it would look worse: hold it and say which size would do, or give up the size and keep the quality.',
      ),
    skip: field.yesNo().default(false).describe('true: files matching this rule are left alone.'),
  });

const limitsSchema = () =>
  map(tell('config.a-map'), {
    local: field.number(1, 64).default(1).describe('Encodes at once on this machine.'),
    nemo: field.number(1, 64).default(4).describe('Jobs in the cloud at once.'),
    uploads: field.number(1, 64).default(2).describe('Uploads at once.'),
    requests_per_minute: field
      .number(1, 60_000)
      .optional()
      .describe('Requests to the cloud per minute. Default: no limit.'),
    upload_rate: amount.rate().optional().describe('Bytes per second of all uploads together. Default: no limit.'),
    local_hours: amount
      .dayHours()
      .optional()
      .describe(
        'Hours of the day in which this machine may encode; outside them running encodes pause. Default: always.',
      ),
    min_free: amount
      .freeSpace()
      .prefault('1% and 64MB')
      .describe('Free space to keep on every disk written to; a job that would use it waits.'),
  });

const nemoSchema = (resolve: ResolvePath) =>
  map(tell('config.a-map'), {
    api_url: field
      .url('https://mega-api-prod.nemovideo.ai', { secure: true })
      .prefault('https://mega-api-prod.nemovideo.ai')
      .describe('Address of the API; NEMO_API_URL wins.'),
    web_url: field
      .url('https://nemovideo.com', { secure: true })
      .prefault('https://nemovideo.com')
      .describe('Address of the site, for links shown to people; NEMO_WEB_URL wins.'),
    token_file: field
      .path(resolve, '/etc/shrinkbox/token')
      .optional()
      .describe('File with the access token; NEMO_TOKEN wins. Default: a systemd credential, else an anonymous token.'),
    client_id: field
      .words(tell('config.a-client-id'), tell('config.client-id-write'), headerProblem)
      .optional()
      .describe('Identifies this installation; NEMO_CLIENT_ID wins. Default: made once and kept in state_dir.'),
    language: field
      .words(tell('config.a-language'), tell('config.language-write'), written =>
        /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(written) ? undefined : tell('config.bad-language'),
      )
      .prefault('en')
      .describe('Language of the conversation with the service.'),
    poll_interval: amount.duration(1, ['30s']).prefault('30s').describe('How often a render is polled.'),
    poll_limit: amount
      .duration(1, ['30m'])
      .prefault('30m')
      .describe('How long a render is polled before its job is held.'),
    message_timeout: amount.duration(1, ['15m']).prefault('15m').describe('How long one instruction may take.'),
    heartbeat_timeout: amount
      .duration(1, ['10m'])
      .prefault('10m')
      .describe('When only heartbeats come for this long, the reply counts as lost.'),
    recovery: map(tell('config.a-map'), {
      first: amount.duration(1, ['30s']).prefault('30s').describe('Wait before the first check after a lost reply.'),
      every: amount.duration(1, ['60s']).prefault('60s').describe('Wait between further checks.'),
      checks: field.number(1, 100).default(5).describe('Checks without any change before the job is held.'),
    })
      .prefault({})
      .describe('How a lost reply is recovered; no message is ever sent twice.'),
    retry_after: amount
      .duration(1, ['30s'])
      .prefault('30s')
      .describe('Wait after a "too many requests" reply that names no time.'),
    max_upload: amount.size(['500MB']).prefault('500MB').describe('The service accepts no larger files.'),
    oversize: field
      .oneOf('local', 'split', 'hold')
      .default('local')
      .describe(
        'What to do with a larger file: compress it on this machine first (local), upload it in parts (split), or hold it.',
      ),
    session: field
      .oneOf('per-file', 'per-folder')
      .default('per-file')
      .describe('One session per file, or one for all files of a folder.'),
  });

const localSchema = (resolve: ResolvePath) => {
  const program = (written: string) => (/^~?.*\//.test(written) ? resolve(written) : written);
  return map(tell('config.a-map'), {
    ffmpeg: field
      .path(program, '/usr/bin/ffmpeg')
      .prefault('ffmpeg')
      .describe('The ffmpeg to use: a path, or a name looked up on PATH.'),
    ffprobe: field.path(program, '/usr/bin/ffprobe').prefault('ffprobe').describe('The ffprobe to use.'),
    effort: field
      .oneOf('fast', 'balanced', 'best')
      .default('balanced')
      .describe('Time spent for quality: best takes several times as long as fast.'),
    threads: field.number(1, 256).optional().describe('Threads per encode. Default: one per core.'),
    hardware: field
      .oneOf('off', 'auto', 'vaapi', 'qsv', 'nvenc', 'videotoolbox', 'rkmpp')
      .default('off')
      .describe(
        'Encode on a graphics card: quicker, and less good at the same size. What it cannot do, this machine does as usual.',
      ),
    device: field
      .words(tell('config.a-device'), tell('config.device-write'), deviceProblem)
      .optional()
      .describe('The graphics card to use: /dev/dri/renderD128, or of nvenc its number. Default: the first.'),
  });
};

const httpSchema = (resolve: ResolvePath) =>
  map(tell('config.a-map'), {
    listen: field
      .listen()
      .prefault('127.0.0.1:8788')
      .describe(
        'Address of the page and API, or off. Any other than loopback needs a token (token_file, or the systemd credential http-token).',
      ),
    token_file: field
      .path(resolve, '/etc/shrinkbox/http-token')
      .optional()
      .describe('File with the token that other machines must present.'),
    public_url: field
      .pageUrl('https://nas.home/shrinkbox/')
      .optional()
      .describe('The address people use where a reverse proxy stands before http.listen; may have a path.'),
  });

const notifySchema = () =>
  map(tell('config.a-notification'), {
    url: field.url('https://ntfy.sh/my-topic').describe('Receives a POST with the job as JSON.'),
    on: field
      .oneOrMore(field.oneOf('done', 'held', 'failed'), tell('config.events-write'))
      .prefault(['done', 'held', 'failed'])
      .describe('Which outcomes to notify about.'),
  });

const afterSchema = (resolve: ResolvePath) => {
  const program = (written: string) => (/^~?.*\//.test(written) ? resolve(written) : written);
  const notWords = ({ input }: { input?: unknown }) =>
    input === undefined ? tell('config.run-missing') : tell('config.run-not-list', { value: shown(input) });
  return map(tell('config.a-command'), {
    run: z
      .array(z.string({ error: ({ input }) => tell('config.run-not-text', { value: shown(input) }) }), {
        error: notWords,
      })
      .min(1, { error: () => tell('config.run-empty') })
      .refine(words => words.length === 0 || words[0]?.trim() !== '', { error: () => tell('config.run-no-program') })
      .refine(words => words.every(word => !word.includes('\0')), {
        error: () => tell('config.run-bad-character'),
      })
      .transform(([name = '', ...args]) => [program(name), ...args])
      .describe('The program and its arguments. No shell reads them: nothing in them is replaced.'),
    timeout: amount
      .duration(1, ['60s'])
      .prefault('60s')
      .describe('How long it may take; then it is ended with its process group.'),
    on: field
      .oneOrMore(field.oneOf('done', 'held', 'failed'), tell('config.events-write'))
      .prefault(['done'])
      .describe('After which ends of a job it is run.'),
  });
};

const logSchema = () =>
  map(tell('config.a-map'), {
    level: field
      .oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')
      .default('info')
      .describe('How much is logged.'),
    format: field
      .oneOf('auto', 'json', 'pretty')
      .default('auto')
      .describe('auto: for people on a terminal, JSON otherwise.'),
  });

/** A map with a fixed set of keys; unknown-keys.ts words what is said about any other. */
function map<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  return z.strictObject(shape, {
    error: issue =>
      issue.code === 'invalid_type'
        ? tell('config.not-a-map', { value: shown(issue.input), what: saidBy(what) })
        : undefined,
  });
}

/** A list that is not empty. */
function list<Item extends z.ZodType>(what: string, item: Item) {
  const complain = ({ input }: { input?: unknown }) =>
    input === null ? tell('config.list-no-value', { what }) : tell('config.list-wrong', { value: shown(input), what });
  return z.array(item, { error: complain }).min(1, { error: () => tell('config.list-empty', { what }) });
}

function nameProblem(written: string): string | undefined {
  if (written.length > 60) return tell('config.name-too-long');
  if (/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(written) && !/[ .]$/.test(written)) return undefined;
  return tell('config.bad-name');
}

function matchProblem(written: string): string | undefined {
  const pattern = written.replace(/^!/, '');
  if (pattern === '') return tell('config.empty-pattern');
  if (pattern.length > 1000) return tell('config.pattern-too-long');
  if (pattern.startsWith('/') || pattern.startsWith('~/')) return tell('config.pattern-absolute');
  if (pattern.split('/').includes('..')) return tell('config.pattern-leaves');
  return undefined;
}

const PLACEHOLDERS = ['dir', 'name', 'ext', 'rule'] as const;

type Placeholder = (typeof PLACEHOLDERS)[number];

/** What is wrong with a template, as the rest of a sentence, or `undefined` if it can be used. */
function templateProblem(template: string): string | undefined {
  for (const [, word] of template.matchAll(/\{([^{}]*)\}/g)) {
    if (!isPlaceholder(word)) return tell('config.unknown-placeholder', { word: word ?? '' });
  }
  const plain = template.replace(/\{[^{}]*\}/g, 'x');
  if (/[{}]/.test(plain)) return tell('config.unmatched-brace');
  if (escapeForTerminal(plain) !== plain) return tell('config.not-one-line');
  if (plain.startsWith('/')) return tell('config.leading-slash');
  if (plain.split('/').includes('..')) return tell('config.leaves-outbox');
  if (!template.endsWith('.mp4')) return tell('config.not-mp4');
  if (!/\{name\}/.test(template)) return tell('config.no-name');
  if (template.split('/').some(part => part.startsWith('.'))) return tell('config.hidden-name');
  return undefined;
}

function isPlaceholder(word: string | undefined): word is Placeholder {
  return PLACEHOLDERS.some(known => known === word);
}

function instructionProblem(written: string): string | undefined {
  return written.length > MAX_INSTRUCTION ? tell('config.too-long', { max: MAX_INSTRUCTION }) : undefined;
}

/** It becomes a part of an ffmpeg option, in which commas and colons mean something. */
function deviceProblem(written: string): string | undefined {
  if (/^\d{1,2}$/.test(written)) return undefined;
  return /^\/[\w./-]{1,200}$/.test(written) && !written.split('/').includes('..')
    ? undefined
    : tell('config.bad-device');
}

/** The service accepts ASCII without spaces, at most 64 characters, in these headers. */
export function headerProblem(written: string): string | undefined {
  return /^[\x21-\x7e]{1,64}$/.test(written) ? undefined : tell('config.bad-header');
}

type Schema = ReturnType<typeof configSchema>;

/** The file as validated, keys as written. */
export type ParsedConfig = z.output<Schema>;

/** The JSON Schema for editors (`shrinkbox check --schema`). */
export function jsonSchema(): object {
  const schema = z.toJSONSchema(
    configSchema(written => written),
    { io: 'input', target: 'draft-7' },
  );
  return { ...schema, title: 'shrinkbox configuration' };
}
