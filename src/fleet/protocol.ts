/**
 * Room: other machines that take parts of films. Redis decides who is asked, the journal who may, and the bytes go over HTTPS: see
 * docs/decisions/0019-fleet.md. Nothing in here is loaded unless the configuration has `fleet`, or the command is `worker`. This file
 * is what both sides say to each other under /fleet/v1.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { WORKER_NAME } from '../core/lease.ts';

/** Raised when the meaning of a call changes. A daemon serves this number and the one before it: it is upgraded first. */
export const PROTOCOL = 1;

export function isServed(protocol: number, own = PROTOCOL): boolean {
  return protocol === own || protocol === own - 1;
}

export type Codec = 'h264' | 'h265' | 'av1';
export const CODECS: readonly Codec[] = ['h264', 'h265', 'av1'];

/** The encoder that writes each codec, as a worker names what it has. */
export const ENCODER_OF: Readonly<Record<Codec, string>> = { h264: 'libx264', h265: 'libx265', av1: 'libsvtav1' };

/** Builds of the encoders by their names: `{libx264: '164'}`. */
export type Encoders = Readonly<Record<string, string>>;

const name = z.string().regex(WORKER_NAME);
const word = z.string().regex(/^[A-Za-z0-9._+-]{1,80}$/);
const count = z.number().int().min(0);
const share = z.number().min(0).max(1);

export const JOIN = z.object({
  code: z.string().min(16).max(200),
  name: name.optional(),
  /** The token it will have, made by itself: so it can ask again where the answer was lost. */
  token: z
    .string()
    .regex(/^[a-z0-9-]{1,32}\.[\w-]{43}$/)
    .optional(),
});
export const HELLO = z.object({
  name,
  protocol: z.number().int(),
  version: z.string().max(60),
  /** Of ffmpeg. */
  ffmpeg: word,
  encoders: z.record(z.string().max(40), word),
  scratch_free: count,
  cores: count,
  slots: count.min(1),
  /** Only looks whether it would be let in. */
  probe: z.boolean().optional(),
  /** Hours of the day in which it encodes, for people. */
  hours: z.string().max(40).optional(),
  /** Why it takes nothing now: `hours`, `draining`, or a word of a version to come. */
  rests: z.string().max(40).optional(),
});
export const LEASE = z.object({ want: word, fingerprint: word, scratch_free: count });
export const BEAT = z.object({ fraction: share, fps: z.number().min(0), step: z.string().max(60) });
export const FAILED = z.object({ code: z.string().max(60), text: z.string().max(2000) });

export type Hello = z.infer<typeof HELLO>;
export type LeaseRequest = z.infer<typeof LEASE>;
export type Beat = z.infer<typeof BEAT>;
export type Failure = z.infer<typeof FAILED>;

/** What a worker is told when it reports: where to listen, and how often to be heard. */
export const WELCOME = z.object({
  cluster: word,
  worker: name,
  queue: z.object({
    url: z.string(),
    username: z.string().optional(),
    password: z.string().optional(),
    /** PEM, where no authority that everybody knows has signed its certificate. */
    ca: z.string().max(50_000).optional(),
  }),
  /** Films that are still worked on: what else is on the scratch may go. */
  films: z.array(z.string().max(40)),
  lease_ms: z.number().positive(),
  beat_ms: z.number().positive(),
});
export type Welcome = z.infer<typeof WELCOME>;

export const JOINED = z.object({ name, token: z.string().min(16).max(200) });
export const GRANT = z.object({ n: count, mac: z.string().max(100), order: z.unknown() });
export const BEAT_ANSWER = z.object({ pause: z.boolean(), cancel: z.boolean() });

/** Headers of the calls about one lease. */
export const LEASE_HEADER = 'shrinkbox-lease';
export const MAC_HEADER = 'shrinkbox-mac';
/** With the last piece of a result: its hash, and what was measured, as JSON in base64url. */
export const SHA256_HEADER = 'shrinkbox-sha256';
export const MADE_HEADER = 'shrinkbox-made';
export const OFFSET_HEADER = 'upload-offset';
export const LENGTH_HEADER = 'upload-length';

/** Proof that this daemon gave this lease to this worker. It opens nothing by itself: the journal has the last word. */
export function leaseMac(key: Uint8Array, { task, n, worker }: { task: string; n: number; worker: string }): string {
  return createHmac('sha256', key).update(`${task}:${n}:${worker}`).digest('base64url');
}

export function isSameText(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

/**
 * What two parts of one film must have been made by to look alike: ffmpeg's major version, the build of the encoder, our own
 * protocol. `undefined` if the worker cannot write the codec.
 */
export function fingerprintOf(codec: Codec, worker: { ffmpeg: string; encoders: Encoders }): string | undefined {
  const build = worker.encoders[ENCODER_OF[codec]];
  if (build === undefined) return undefined;
  return `${codec}-f${Number.parseInt(worker.ffmpeg.replace(/^\D*/, ''), 10) || 0}-${build}-p${PROTOCOL}`;
}

/** The queues a worker listens to, those that want nobody but it first. BullMQ allows no colon in their names. */
export function queuesOf(worker: { name: string; ffmpeg: string; encoders: Encoders }): string[] {
  const codecs = CODECS.filter(codec => fingerprintOf(codec, worker) !== undefined);
  const prints = codecs.map(codec => fingerprintOf(codec, worker) ?? '');
  return [queueAt(worker.name), ...prints, ...codecs];
}

export const queueAt = (worker: string): string => `at.${worker}`;

/** A doorbell: that there is work, and no word of what. Its id makes ringing twice for the same lease one ring. */
export interface Doorbell {
  task: string;
  want: string;
}

export const doorbellId = (task: string, n: number): string => `${task}-${n}`;

/** `<job>.<part>`: of the job's parts, one task each. */
export const taskOf = (job: string, part: number): string => `${job}.${part}`;
export const jobOfTask = (task: string): string => task.slice(0, task.lastIndexOf('.'));

/** Codes of ours with which a worker says that it cannot, as opposed to: nobody can. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  ...['no-space', 'denied', 'unavailable', 'io', 'tool-missing', 'child-killed', 'child-stalled', 'timed-out'],
  ...['out-of-memory', 'unreachable', 'bad-answer', 'crashed'],
]);

export function mayWorkElsewhere(code: string): boolean {
  return ELSEWHERE.has(code);
}
